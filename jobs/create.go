package jobs

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hone-ml/hone/dataset"
	"github.com/hone-ml/hone/internal/disk"
)

func (m *Manager) createJob(w http.ResponseWriter, r *http.Request) error {
	q, err := decodeRequest(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		return err
	}
	base, err := m.base(q.Model)
	if err != nil {
		return &apiError{http.StatusNotFound, "model", "model_not_found", err.Error()}
	}
	if err := m.need(spare); err != nil {
		return err
	}
	j, err := newJob(q, base)
	if err != nil {
		return err
	}
	if err := m.add(j); err != nil {
		return err
	}
	m.note(j, "", "the job is created: %s trained on %s", j.Model, j.Filenames[0])
	view := m.view(j)
	m.validateSoon(j)
	return reply(w, view)
}

// add takes a new job in, if there is room.
func (m *Manager) add(j *job) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	waiting := 0
	for _, other := range m.all {
		if !ended(other.status()) {
			waiting++
		}
	}
	if waiting >= m.o.MaxJobs {
		return &apiError{http.StatusTooManyRequests, "", "too_many_jobs", fmt.Sprintf("%d jobs wait already, which is the most; try again when one is over", waiting)}
	}
	if err := m.place(j); err != nil {
		return err
	}
	m.all[j.ID] = j
	return nil
}

// view is a job as it is now, to answer with while others change it.
func (m *Manager) view(j *job) *job {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := *j
	return &now
}

// base returns what hone train takes for a model's name: that of a job that is done, or what Options.Model says.
func (m *Manager) base(name string) (string, error) {
	m.mu.Lock()
	for _, j := range m.all {
		if j.Status == succeeded && j.Tuned == name {
			m.mu.Unlock()
			return j.path("model"), nil
		}
	}
	m.mu.Unlock()
	return m.o.Model(name)
}

// newJob makes the record of a checked request.
func newJob(q *request, base string) (*job, error) {
	set, args, err := q.settings()
	if err != nil {
		return nil, err
	}
	multiplier := 1.0
	if x := q.Hyperparameters.Multiplier.x; x != nil {
		multiplier = *x
	}
	id := newID("ftjob-")
	return &job{record: record{
		ID: id, Status: validating, CreatedAt: time.Now().Unix(),
		Model: q.Model, Base: base, Tuned: tunedName(q.Model, q.Suffix, id), Suffix: q.Suffix, Seed: args.Seed,
		TrainingFile: q.TrainingFile, ValidationFile: q.ValidationFile,
		Epochs: args.NumTrainEpochs, BatchSize: args.PerDeviceTrainBatchSize, Multiplier: multiplier,
		Settings: set, Metadata: q.Metadata,
	}}, nil
}

// place makes the folder of a job with links to its data, all or nothing; m.mu is held, so that no file vanishes.
func (m *Manager) place(j *job) error {
	j.dir = filepath.Join(m.jobs, j.ID)
	return disk.WriteDir(j.dir, func(tmp string) error {
		data := filepath.Join(tmp, "data")
		if err := os.Mkdir(data, 0o777); err != nil {
			return err
		}
		for i, part := range []struct{ param, id, split string }{
			{"training_file", j.TrainingFile, "train"}, {"validation_file", j.ValidationFile, "validation"},
		} {
			if part.id == "" {
				continue
			}
			f, err := m.findFile(part.param, part.id)
			if err != nil {
				return err
			}
			j.Filenames[i] = f.Filename
			if err := link(filepath.Join(data, part.split+f.Ext), m.content(f)); err != nil {
				return err
			}
		}
		return writeRecord(filepath.Join(tmp, "job.json"), &j.record)
	})
}

// taskOf is what the settings fix of a data set's task.
func taskOf(set map[string]any) dataset.Task {
	text := func(name string) string { s, _ := set[name].(string); return s }
	t := dataset.Task{Kind: dataset.Kind(text("task")), Text: text("text_column"), Label: text("label_column"), Prompt: text("prompt_column"),
		Completion: text("completion_column"), Messages: text("messages_column")}
	labels, _ := set["labels"].([]any)
	for _, l := range labels {
		t.Names = append(t.Names, fmt.Sprint(l))
	}
	return t
}

// testSize is the share of the rows that a job holds out. Numbers of a request are json.Number, those of a file float64.
func testSize(set map[string]any) float64 {
	x, _ := strconv.ParseFloat(fmt.Sprint(set["test_size"]), 64)
	return x
}

// mentions reports whether an error is about the file of a split.
func mentions(err error, split string) bool {
	return strings.Contains(err.Error(), split+".") || strings.Contains(err.Error(), fmt.Sprintf("split %q", split))
}

func (m *Manager) listJobs(w http.ResponseWriter, r *http.Request) error {
	p, err := paging(r, 20, 1000)
	if err != nil {
		return err
	}
	all := m.sorted()
	for i, j := range all {
		all[i] = m.view(j)
	}
	return sendPage(w, p, all, func(j *job) string { return j.ID })
}

// job returns the job that the request's path names.
func (m *Manager) job(r *http.Request) (*job, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if j := m.all[r.PathValue("id")]; j != nil {
		return j, nil
	}
	return nil, &apiError{http.StatusNotFound, "fine_tuning_job_id", "fine_tune_not_found", fmt.Sprintf("there is no job %.60q", r.PathValue("id"))}
}

func (m *Manager) getJob(w http.ResponseWriter, r *http.Request) error {
	j, err := m.job(r)
	if err != nil {
		return err
	}
	return reply(w, m.view(j))
}

func (m *Manager) cancelJob(w http.ResponseWriter, r *http.Request) error {
	return m.change(w, r, cancelled, validating, queued, running, paused)
}

// pauseJob has a running job save a checkpoint and wait.
func (m *Manager) pauseJob(w http.ResponseWriter, r *http.Request) error {
	return m.change(w, r, paused, queued, running)
}

// resumeJob queues a paused job, or one that failed, which may have a checkpoint to go on from.
func (m *Manager) resumeJob(w http.ResponseWriter, r *http.Request) error {
	return m.change(w, r, queued, paused, failed)
}

// change makes a job another status if it has one of those from which that can be done: at once, or when its worker has
// ended.
func (m *Manager) change(w http.ResponseWriter, r *http.Request, to string, from ...string) error {
	j, err := m.job(r)
	if err != nil {
		return err
	}
	if err := m.turn(j, to, from); err != nil {
		return err
	}
	m.note(j, "", "asked to be %s", to)
	m.wakeUp()
	return reply(w, m.view(j))
}

// turn does what change says and saves it.
func (m *Manager) turn(j *job, to string, from []string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.all[j.ID] != j || !slices.Contains(from, j.status()) {
		return &apiError{http.StatusBadRequest, "", "invalid_status", fmt.Sprintf("the job is %s, which can't become %s", j.status(), to)}
	}
	if to == queued && j.Status == failed && j.Error.Code == "invalid_training_file" {
		return &apiError{http.StatusBadRequest, "", "invalid_status", "the job's file is at fault: make a new job with a better one"}
	}
	before := j.record
	switch {
	case j.Status == running:
		j.Want = to
	case to == queued:
		j.Status, j.Queued, j.Stalls, j.Error, j.FinishedAt = queued, time.Now().UnixNano(), 0, nil, 0
	default:
		j.Status = to
		if to == cancelled {
			j.FinishedAt = time.Now().Unix()
		}
	}
	if err := j.save(); err != nil {
		j.record = before
		return err
	}
	if j.Status == cancelled {
		if err := os.RemoveAll(j.path("run")); err != nil {
			m.log.Warn("jobs: checkpoints of a cancelled job can't be removed", "job", j.ID, "error", err)
		}
	}
	return nil
}

// deleteJob removes a job that is over, with its model. OpenAI has no such route.
func (m *Manager) deleteJob(w http.ResponseWriter, r *http.Request) error {
	j, err := m.job(r)
	if err != nil {
		return err
	}
	m.mu.Lock()
	status := j.Status
	if ended(status) {
		delete(m.all, j.ID)
	}
	m.mu.Unlock()
	if !ended(status) {
		return &apiError{http.StatusBadRequest, "", "invalid_status", fmt.Sprintf("the job is %s; cancel it first", status)}
	}
	if status == succeeded && m.o.Gone != nil {
		m.o.Gone(j.Tuned)
	}
	// The record goes first: without one the folder is no job, whatever is left of it.
	if err := errors.Join(os.Remove(j.path("job.json")), os.RemoveAll(j.dir)); err != nil {
		return err
	}
	return reply(w, map[string]any{"id": j.ID, "object": "fine_tuning.job", "deleted": true})
}
