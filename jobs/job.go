package jobs

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
)

// Statuses of a job, OpenAI's words.
const (
	validating = "validating_files"
	queued     = "queued"
	running    = "running"
	paused     = "paused"
	succeeded  = "succeeded"
	failed     = "failed"
	cancelled  = "cancelled"
)

// A record is a job's job.json.
type record struct {
	ID         string `json:"id"`
	Status     string `json:"status"`
	Want       string `json:"want,omitempty"` // the status that a running job gets when its worker has ended
	CreatedAt  int64  `json:"created_at"`     // Unix, seconds
	FinishedAt int64  `json:"finished_at,omitempty"`
	Queued     int64  `json:"queued,omitempty"` // Unix, nanoseconds: the order of the queue

	Model          string            `json:"model"`      // as it was asked for
	Base           string            `json:"base"`       // what hone train takes
	Tuned          string            `json:"fine_tuned"` // name of the model that comes out
	TrainingFile   string            `json:"training_file"`
	ValidationFile string            `json:"validation_file,omitempty"`
	Filenames      [2]string         `json:"filenames"` // as the user named them: training, validation
	Suffix         string            `json:"suffix,omitempty"`
	Seed           int64             `json:"seed"`
	Epochs         float64           `json:"n_epochs"`
	BatchSize      int               `json:"batch_size"`
	Multiplier     float64           `json:"learning_rate_multiplier"`
	Settings       map[string]any    `json:"settings"` // flags of hone train
	Metadata       map[string]string `json:"metadata,omitempty"`

	Tokens int64    `json:"trained_tokens,omitempty"`
	Starts int      `json:"starts,omitempty"` // of workers
	Step   int      `json:"step,omitempty"`   // of the last checkpoint when a worker last died
	Stalls int      `json:"stalls,omitempty"` // workers that died one after the other without a new checkpoint
	Error  *failure `json:"error,omitempty"`
}

// A failure is why a job failed, in OpenAI's shape.
type failure struct {
	Code    string  `json:"code"`
	Message string  `json:"message"`
	Param   *string `json:"param"`
}

// check returns an error for a record that this package can't have written.
func (r *record) check() error {
	statuses := []string{validating, queued, running, paused, succeeded, failed, cancelled}
	switch {
	case !jobID.MatchString(r.ID):
		return fmt.Errorf("id is %.60q", r.ID)
	case !slices.Contains(statuses, r.Status):
		return fmt.Errorf("status is %.60q", r.Status)
	case r.Want != "" && (r.Status != running || !slices.Contains(statuses, r.Want)):
		return fmt.Errorf("a job that is %s wants to be %.60q", r.Status, r.Want)
	case r.Base == "" || r.Tuned == "" || r.Settings == nil:
		return fmt.Errorf("base, fine_tuned or settings are missing")
	case r.Status == failed && r.Error == nil:
		return fmt.Errorf("a failed job without an error")
	}
	for name := range r.Settings {
		if _, own := usual[name]; !own && !slices.Contains(allowed, name) {
			return fmt.Errorf("setting %.60q is not one of a job", name)
		}
	}
	return nil
}

// A job is a record and its folder. Its fields are guarded by Manager.mu.
type job struct {
	record
	dir     string
	unsaved bool // the folder says something older
}

func (j *job) path(name string) string { return filepath.Join(j.dir, name) }
func (j *job) events() string          { return j.path("events.jsonl") }

// status is what people see: what a running job is about to become counts.
func (j *job) status() string {
	if j.Want != "" {
		return j.Want
	}
	return j.Status
}

// ended reports whether nothing more becomes of a job of that status by itself.
func ended(status string) bool {
	return status == succeeded || status == failed || status == cancelled
}

// loadJob reads a job's folder.
func loadJob(dir string) (*job, error) {
	j := &job{dir: dir}
	if err := readRecord(j.path("job.json"), &j.record); err != nil {
		return nil, err
	}
	if err := j.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", j.path("job.json"), err)
	}
	if j.ID != filepath.Base(dir) {
		return nil, fmt.Errorf("%s is that of %s", j.path("job.json"), j.ID)
	}
	return j, nil
}

// save writes the record.
func (j *job) save() error { return writeRecord(j.path("job.json"), &j.record) }

// MarshalJSON writes the job in OpenAI's shape.
func (j *job) MarshalJSON() ([]byte, error) {
	hyper := map[string]any{"n_epochs": j.Epochs, "batch_size": j.BatchSize, "learning_rate_multiplier": j.Multiplier}
	v := map[string]any{
		"object": "fine_tuning.job", "id": j.ID, "status": j.status(), "model": j.Model, "organization_id": "hone",
		"created_at": j.CreatedAt, "finished_at": orNull(j.FinishedAt), "estimated_finish": nil,
		"training_file": j.TrainingFile, "validation_file": orNull(j.ValidationFile), "result_files": []string{},
		"fine_tuned_model": nil, "trained_tokens": orNull(j.Tokens), "error": nil,
		"user_provided_suffix": orNull(j.Suffix), "seed": j.Seed, "integrations": []any{}, "metadata": orEmpty(j.Metadata),
		"hyperparameters": hyper,
		"method":          map[string]any{"type": "supervised", "supervised": map[string]any{"hyperparameters": hyper}},
		"hone":            j.shown(),
	}
	if j.Status == succeeded {
		v["fine_tuned_model"] = j.Tuned
	}
	if j.Error != nil {
		v["error"] = j.Error
	}
	return json.Marshal(v)
}

// shown are the settings that a request may have.
func (j *job) shown() map[string]any {
	set := maps.Clone(j.Settings)
	maps.DeleteFunc(set, func(name string, _ any) bool { return !slices.Contains(allowed, name) })
	return set
}

func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}
