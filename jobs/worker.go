package jobs

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/hone-ml/hone/checkpoint"
	"github.com/hone-ml/hone/internal/disk"
)

// A worker is a process that trains a job.
type worker struct {
	process *os.Process
	exited  chan struct{} // closed when it has; nil if another server started it
}

// tick is how often a worker is looked after.
const tick = 50 * time.Millisecond

// startWorker starts hone train on a job, from its last checkpoint if there is one.
func (m *Manager) startWorker(j *job) (*worker, error) {
	if err := os.MkdirAll(j.path("cwd"), 0o777); err != nil {
		return nil, err
	}
	b, err := config(j.Settings)
	if err != nil {
		return nil, err
	}
	if err := disk.WriteFile(j.path("config.yaml"), func(w io.Writer) error { _, err := w.Write(b); return err }); err != nil {
		return nil, err
	}
	args := append(m.o.Worker[1:len(m.o.Worker):len(m.o.Worker)], "--config", j.path("config.yaml"), "--events_file", j.events(),
		"--model", j.Base, "--dataset", j.path("data"), "--output_dir", j.path("run"))
	last, err := checkpoint.Last(j.path("run"))
	if err != nil {
		return nil, err
	}
	if last != "" {
		args = append(args, "--resume_from_checkpoint", last)
	}
	// A file, not a pipe: the worker may outlive this process.
	log, err := os.Create(j.path("worker.log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	c := exec.Command(m.o.Worker[0], args...)
	c.Dir, c.Stdout, c.Stderr = j.path("cwd"), log, log
	apart(c)
	m.write(j, Event{Type: "message", Start: j.Starts, Message: "starting a process that trains"})
	if err := c.Start(); err != nil {
		return nil, err
	}
	lower(c.Process.Pid)
	w := &worker{c.Process, make(chan struct{})}
	go func() { c.Wait(); close(w.exited) }()
	return w, nil
}

// adopt returns the worker that holds the job's lock, nil if none does.
func adopt(j *job) (*worker, error) {
	for try := 0; isHeld(j.events()); try++ {
		lines, err := readEvents(j.events())
		if err != nil {
			return nil, err
		}
		// That the lock is held after the process was found tells that it is the process and not a later one of that number.
		if p, err := os.FindProcess(lastPID(lines)); err == nil && p.Pid > 0 && isHeld(j.events()) {
			return &worker{process: p}, nil
		}
		if try == 100 {
			return nil, fmt.Errorf("%s is locked, but not by a worker", j.events())
		}
		time.Sleep(tick)
	}
	return nil, nil
}

// isHeld reports whether a worker holds the lock on an events file.
func isHeld(events string) bool {
	f, err := os.OpenFile(events, os.O_RDWR, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	return errors.Is(lock(f), errLocked)
}

// follow waits until the job has no worker any more. It asks the worker to end if the job wants to be something else, or
// the Manager closes, and kills one that takes too long.
func (m *Manager) follow(j *job, w *worker) {
	ticks := time.NewTicker(tick)
	defer ticks.Stop()
	var asked time.Time
	for w != nil {
		grace := m.o.Grace
		select {
		case <-w.exited:
			// It may have found another worker at work, which is to be waited for then.
			w, _ = adopt(j)
			continue
		case <-m.hurry:
			grace = 0
		case <-ticks.C:
		}
		if w.exited == nil && !isHeld(j.events()) {
			return
		}
		m.mu.Lock()
		want := j.Want
		m.mu.Unlock()
		switch {
		case want == "" && m.ctx.Err() == nil:
		case asked.IsZero():
			asked = time.Now()
			interrupt(w.process)
		case want == cancelled && time.Since(asked) > min(grace, 5*time.Second), time.Since(asked) > grace:
			w.process.Kill()
		}
	}
}

// lastWords returns the end of what a worker said.
func lastWords(j *job) string {
	f, err := os.Open(j.path("worker.log"))
	if err != nil {
		return ""
	}
	defer f.Close()
	const most = 2000
	if info, err := f.Stat(); err == nil && info.Size() > most {
		f.Seek(-most, io.SeekEnd)
	}
	b, _ := io.ReadAll(io.LimitReader(f, most))
	return strings.ToValidUTF8(strings.TrimSpace(string(b)), "")
}

// finish gives the folder of a run that is done its final name.
func finish(j *job) error {
	run, model := j.path("run"), j.path("model")
	if _, err := os.Stat(model); err == nil {
		return nil // a Manager before this one did, and was killed before it could say so
	}
	steps, err := checkpoint.Steps(run)
	if err != nil {
		return err
	}
	for _, n := range steps { // they are models still, but nobody goes on from them
		if err := os.Remove(filepath.Join(checkpoint.Dir(run, n), "optimizer.safetensors")); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return os.Rename(run, model)
}
