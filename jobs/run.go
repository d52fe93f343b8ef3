package jobs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/hone-ml/hone/checkpoint"
	"github.com/hone-ml/hone/dataset"
)

// run trains the jobs of the queue until the Manager closes.
func (m *Manager) run() {
	for m.ctx.Err() == nil {
		j := m.next()
		if j == nil {
			select {
			case <-m.wake:
			case <-m.ctx.Done():
			}
			continue
		}
		m.train(j)
	}
}

// next returns the job to work on: one that was running when a Manager before this one was killed, else the first of
// the queue. Nil if there is none.
func (m *Manager) next() (first *job) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, j := range m.all {
		if j.Status == running {
			return j
		}
		if j.Status == queued && (first == nil || j.Queued < first.Queued) {
			first = j
		}
	}
	return first
}

func (m *Manager) wakeUp() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// train has a job's worker do its work, from where the job is, and settles what came of it.
func (m *Manager) train(j *job) {
	fresh, ok := m.begin(j)
	if !ok {
		return
	}
	w, err := adopt(j)
	if err == nil && w == nil && fresh {
		w, err = m.startWorker(j)
	}
	if err == nil {
		m.follow(j, w)
		err = m.settle(j)
	}
	if err != nil {
		m.log.Error("jobs: a job failed", "job", j.ID, "error", err)
		m.conclude(j, failed, &failure{Code: "server_error", Message: m.clean(j, err.Error())})
	}
}

// begin makes a queued job a running one: that is a fresh one, which needs a worker. What the worker of one that was
// running already left is settled first. A job that was cancelled or paused meanwhile is neither.
func (m *Manager) begin(j *job) (fresh, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if j.Status == queued {
		j.Status, fresh = running, true
		j.Starts++
		m.keep(j)
	}
	return fresh, j.Status == running
}

// keep saves the record of a job; m.mu is held. If it can't be, the job goes on all the same: what the folder says is older,
// and true. It is saved when another job's can be, or by Close.
func (m *Manager) keep(j *job) {
	err := j.save()
	if j.unsaved = err != nil; j.unsaved {
		m.log.Error("jobs: a job's state can't be saved", "job", j.ID, "error", err)
		return
	}
	m.catchUp()
}

// catchUp saves the records that couldn't be; m.mu is held.
func (m *Manager) catchUp() {
	for _, j := range m.all {
		if j.unsaved {
			j.unsaved = j.save() != nil
		}
	}
}

// settle decides what becomes of a job whose worker has ended.
func (m *Manager) settle(j *job) error {
	lines, err := readEvents(j.events())
	if err != nil {
		return err
	}
	end := outcome(lines)
	m.mu.Lock()
	want := j.Want
	m.mu.Unlock()
	switch {
	case want == cancelled:
		m.conclude(j, cancelled, nil)
		return errors.Join(os.RemoveAll(j.path("run")), os.RemoveAll(j.path("model")))
	case end != nil && end.Type == "done":
		return m.succeed(j, end)
	case end != nil:
		m.conclude(j, failed, &failure{Code: "training_failed", Message: m.clean(j, end.Message)})
	case want != "":
		m.become(j, want)
	case m.ctx.Err() != nil:
		m.note(j, "", "the server stops; the job goes on when it is started again")
		m.become(j, queued)
	default:
		return m.again(j)
	}
	return nil
}

// succeed puts the model into its place and tells of it.
func (m *Manager) succeed(j *job, end *Event) error {
	if err := finish(j); err != nil {
		return err
	}
	m.ready(j) // before people see that it is
	m.mu.Lock()
	j.Tokens = int64(end.Metrics["num_input_tokens_seen"])
	m.mu.Unlock()
	m.conclude(j, succeeded, nil)
	return nil
}

// again queues a job whose worker died, from its last checkpoint, unless that has happened too often without a new one.
func (m *Manager) again(j *job) error {
	step := 0
	steps, err := checkpoint.Steps(j.path("run"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if len(steps) > 0 {
		step = steps[len(steps)-1]
	}
	m.mu.Lock()
	if step > j.Step {
		j.Step, j.Stalls = step, 0
	}
	j.Stalls++
	stalls := j.Stalls
	m.mu.Unlock()
	if stalls >= m.o.MaxStalls {
		m.conclude(j, failed, &failure{Code: "worker_died", Message: fmt.Sprintf("the process that trains died %d times without getting further than step %d, perhaps for want of memory; its last words: %s",
			stalls, step, m.clean(j, lastWords(j)))})
		return nil
	}
	m.note(j, "warn", "the process that trains died; going on from step %d", step)
	m.become(j, queued)
	return nil
}

// become gives a job that isn't over another status.
func (m *Manager) become(j *job, status string) {
	if status == paused {
		m.note(j, "", "paused")
	}
	m.mu.Lock()
	j.Status, j.Want = status, ""
	m.keep(j)
	m.mu.Unlock()
	m.wakeUp()
}

// conclude ends a job.
func (m *Manager) conclude(j *job, status string, why *failure) {
	switch status {
	case succeeded:
		m.note(j, "", "the job has succeeded: the model is %s", j.Tuned)
	case failed:
		m.note(j, "error", "the job has failed: %s", why.Message)
	default:
		m.note(j, "", "the job is %s", status)
	}
	m.mu.Lock()
	j.Status, j.Want, j.Error, j.FinishedAt = status, "", why, time.Now().Unix()
	m.keep(j)
	m.mu.Unlock()
}

// note adds a message to the job's events.
func (m *Manager) note(j *job, level, format string, args ...any) {
	m.write(j, Event{Type: "message", Level: level, Message: fmt.Sprintf(format, args...)})
}

// write adds an event, and logs it if it can't be written.
func (m *Manager) write(j *job, e Event) {
	f, err := os.OpenFile(j.events(), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o666)
	if err == nil {
		err = errors.Join(appendEvent(f, e), f.Close())
	}
	if err != nil {
		m.log.Warn("jobs: an event can't be written", "job", j.ID, "event", e.Message, "error", err)
	}
}

// validateSoon checks a job's data and queues the job if it can be trained on.
func (m *Manager) validateSoon(j *job) {
	m.working.Add(1)
	go func() {
		defer m.working.Done()
		select {
		case m.loading <- struct{}{}:
		case <-m.ctx.Done():
			return // the next Manager does it
		}
		why := m.validate(j)
		<-m.loading
		m.mu.Lock()
		mine := j.Status == validating // it may have been cancelled
		m.mu.Unlock()
		switch {
		case !mine:
		case why != nil:
			m.conclude(j, failed, why)
		default:
			m.note(j, "", "the files are valid; the job is queued")
			m.enqueue(j)
		}
	}()
}

// enqueue puts a job at the end of the queue.
func (m *Manager) enqueue(j *job) {
	m.mu.Lock()
	j.Queued = time.Now().UnixNano()
	m.mu.Unlock()
	m.become(j, queued)
}

// maxData bounds what a data set may take in memory while it is checked.
const maxData = 4 << 30

// validate reads a job's data as hone train will, and says what is wrong with it, with file and line.
func (m *Manager) validate(j *job) *failure {
	d, err := dataset.Load(j.path("data"), dataset.Options{MaxBytes: maxData})
	var task dataset.Task
	if err == nil {
		task, err = dataset.Infer(d, taskOf(j.Settings))
	}
	if err == nil && task.Kind == dataset.Preference {
		err = fmt.Errorf("the rows are pairs of a better and a worse answer, which only preference training reads; give messages, prompt and completion, text and label, or text")
	}
	if err == nil && j.ValidationFile != "" && (d.Split("train") == nil || d.Split("validation") == nil) {
		err = fmt.Errorf("the training file and the validation file must be of one format")
	}
	if err != nil {
		param := "training_file"
		if j.ValidationFile != "" && mentions(err, "validation") {
			param = "validation_file"
		}
		return &failure{Code: "invalid_training_file", Message: m.clean(j, err.Error()), Param: &param}
	}
	m.note(j, "", "%s", task.Why)
	report, err := dataset.Check(d, task, dataset.CheckOptions{HeldOut: testSize(j.Settings) > 0})
	if err != nil {
		return nil // it only advises
	}
	for _, w := range report.Warnings {
		m.note(j, "warn", "%s: %s", w.Text, w.Remedy)
	}
	return nil
}
