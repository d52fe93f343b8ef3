"""Drives a job with OpenAI's official Python client: upload, job, events, checkpoints, the model listed and used.

    hone serve --model base --jobs_dir tuning
    python openai_jobs.py http://127.0.0.1:8080/v1 base rows.jsonl
"""
import sys
import time

from openai import BadRequestError, OpenAI

url, model, rows = sys.argv[1:]
client = OpenAI(base_url=url, api_key="none")
with open(rows, "rb") as f:
    file = client.files.create(file=f, purpose="fine-tune")
print("file", file.id, file.bytes, "bytes")

job = client.fine_tuning.jobs.create(
    model=model, training_file=file.id, suffix="py", seed=1,
    method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 1, "batch_size": 4}}},
    extra_body={"hone": {"logging_steps": 1}},
)
print("job", job.id, job.status)
while job.status not in ("succeeded", "failed", "cancelled"):
    time.sleep(0.2)
    job = client.fine_tuning.jobs.retrieve(job.id)
assert job.status == "succeeded", job.error
events = list(client.fine_tuning.jobs.list_events(job.id, limit=3))  # in pages
for event in reversed(events):
    print(" ", event.level, event.message)
assert len({e.id for e in events}) == len(events)
points = client.fine_tuning.jobs.checkpoints.list(job.id).data
assert points and points[0].metrics.step == points[0].step_number
assert job.fine_tuned_model in [m.id for m in client.models.list()]
print(client.completions.create(model=job.fine_tuned_model, prompt="a film", max_tokens=4).choices[0].text)

for call in (client.fine_tuning.jobs.cancel, client.fine_tuning.jobs.pause, client.fine_tuning.jobs.resume):
    try:
        call(job.id)
        raise SystemExit("a job that is over should refuse")
    except BadRequestError as e:
        assert e.code == "invalid_status", e
assert job.id in [j.id for j in client.fine_tuning.jobs.list(limit=1)]
assert client.files.content(file.id).read() == open(rows, "rb").read()
assert client.files.delete(file.id).deleted
print("ok", job.fine_tuned_model)
