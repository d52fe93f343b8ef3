// Package jobs fine-tunes models over HTTP, as OpenAI's files and fine_tuning/jobs do: the same routes, the same JSON,
// so that their clients work.
//
// A job is a folder. Whatever happens, what is on the disk says what comes next:
//
//	DIR/lock                     held by the one Manager of DIR
//	DIR/files/file-ID/           file.json, and the upload as content.EXT
//	DIR/jobs/ftjob-ID/job.json   the job's record, replaced atomically
//	                 /data/      train.EXT and validation.EXT, the job's own links to the uploads
//	                 /events.jsonl  what happened, a line each; the worker holds a lock on it while it lives
//	                 /worker.log what the worker said on its standard error
//	                 /run/       the worker's output_dir: checkpoints, and at the end the model
//	                 /model/     run, renamed when the worker said that it was done
//	                 /cwd/       empty; the worker stands in it, so that no name is a path by chance
//
// One job trains at a time, in a process of its own (hone train --events_file), which may crash or run out of memory
// without the server. A worker outlives a server that is killed: the next Manager sees that the lock is held and
// waits for the worker as if it had started it. Since the lock is the file that the worker must write to, no two work on
// one job. A worker that died goes on from its last checkpoint.
package jobs
