package page

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"

	"github.com/hone-ml/hone"
	"github.com/hone-ml/hone/collate"
	"github.com/hone-ml/hone/dataset"
	"github.com/hone-ml/hone/train"
)

// Settings are those of a run that the page sets, by the names of train's flags. What is left out has the default of
// hone train.
type Settings struct {
	NumTrainEpochs            float64 `json:"num_train_epochs"`
	MaxSteps                  int     `json:"max_steps"`
	LearningRate              float64 `json:"learning_rate"`
	PerDeviceTrainBatchSize   int     `json:"per_device_train_batch_size"`
	GradientAccumulationSteps int     `json:"gradient_accumulation_steps"`
	GradientCheckpointing     bool    `json:"gradient_checkpointing"`
	MaxLength                 int     `json:"max_length"`
	TestSize                  float64 `json:"test_size"`
	Lora                      bool    `json:"lora"`
	LoraR                     int     `json:"lora_r"`
	LoraAlpha                 float64 `json:"lora_alpha"`
	Seed                      int64   `json:"seed"`
	Task                      string  `json:"task"`
	TextColumn                string  `json:"text_column"`
	LabelColumn               string  `json:"label_column"`
}

// defaultSettings are the defaults of hone train.
func defaultSettings() Settings {
	a := train.Defaults()
	return Settings{NumTrainEpochs: a.NumTrainEpochs, MaxSteps: a.MaxSteps, LearningRate: a.LearningRate,
		PerDeviceTrainBatchSize: a.PerDeviceTrainBatchSize, GradientAccumulationSteps: a.GradientAccumulationSteps, Seed: a.Seed}
}

// fineTune is the run that the settings describe, on a model's folder and a data set's.
func (s Settings) fineTune(model, data, out string) hone.FineTune {
	f := hone.FineTune{Model: model, Dataset: data, TestSize: s.TestSize, MaxLength: s.MaxLength, Args: train.Defaults()}
	f.Columns = hone.Columns{TaskKind: s.Task, TextColumn: s.TextColumn, LabelColumn: s.LabelColumn}
	f.Lora, f.LoraR, f.LoraAlpha = s.Lora, s.LoraR, s.LoraAlpha
	f.OutputDir = out
	f.NumTrainEpochs, f.MaxSteps, f.LearningRate, f.Seed = s.NumTrainEpochs, s.MaxSteps, s.LearningRate, s.Seed
	f.PerDeviceTrainBatchSize, f.GradientAccumulationSteps = s.PerDeviceTrainBatchSize, s.GradientAccumulationSteps
	f.GradientCheckpointing = s.GradientCheckpointing
	return f
}

// An Estimate is what POST /v1/hone/plan answers.
type Estimate struct {
	hone.Plan
	Memory int64         `json:"memory_bytes,omitempty"` // of this machine; absent where it isn't known
	Fits   bool          `json:"fits"`                   // as far as the memory is known
	Task   dataset.Task  `json:"task"`
	Stats  collate.Stats `json:"stats"`
	Held   int           `json:"held_out"` // rows kept from training to judge it by
	Sample string        `json:"sample"`   // the first example as the model reads it
	Learns string        `json:"learns"`   // the part of it that the model learns to say
	Notes  []string      `json:"notes"`
}

// found returns the folder of a model and the files of a selection, or has answered that one of them isn't there.
func (p *page) found(w http.ResponseWriter, r *http.Request, model string, s Selection) (dir string, from []source, ok bool) {
	dir, err := p.dir(r.Context(), model)
	if err != nil {
		fail(w, http.StatusNotFound, "model", err)
		return "", nil, false
	}
	if from, err = p.sources(s); err != nil {
		fail(w, http.StatusNotFound, "training_file", err)
		return "", nil, false
	}
	return dir, from, true
}

// plan reads everything as a job would and measures one step, which changes no weight.
func (p *page) plan(w http.ResponseWriter, r *http.Request) {
	q := struct {
		Selection
		Model string   `json:"model"`
		Hone  Settings `json:"hone"`
	}{Hone: defaultSettings()}
	if !request(w, r, &q) {
		return
	}
	dir, from, ok := p.found(w, r, q.Model, q.Selection)
	if !ok {
		return
	}
	p.busy.Lock() // a step measured beside another would seem to take twice as long
	defer p.busy.Unlock()
	e, err := p.estimate(r.Context(), dir, from, q.Hone)
	if err != nil {
		fail(w, http.StatusBadRequest, "", err)
		return
	}
	reply(w, e)
}

func (p *page) estimate(ctx context.Context, dir string, from []source, s Settings) (*Estimate, error) {
	tmp, err := os.MkdirTemp("", "hone-plan-*")
	if err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
	defer os.RemoveAll(tmp)
	data, err := together(from, tmp)
	if err != nil {
		return nil, err
	}
	e := &Estimate{Memory: memory(), Notes: []string{}}
	say := func(format string, args ...any) { e.Notes = append(e.Notes, fmt.Sprintf(format, args...)) }
	job, err := s.fineTune(dir, data, filepath.Join(tmp, "out")).Prepare(ctx, hone.Watch{Hub: p.Hub, Device: p.Device, Say: say})
	if err != nil {
		return nil, locate(from, err)
	}
	if e.Plan, err = job.Plan(); err != nil {
		return nil, err
	}
	e.Task, e.Stats, e.Held = job.Task, job.Stats, job.Data[0].Len()-job.Stats.Rows
	if len(job.Data) > 1 && e.Held == 0 {
		e.Held = job.Data[1].Len()
	}
	e.Sample, e.Learns = job.Sample()
	e.Sample, e.Learns = tail(e.Sample, 400), tail(e.Learns, 200)
	if e.Fits = e.Memory == 0 || e.Bytes < e.Memory; !e.Fits {
		return e, nil // a step would take the machine down
	}
	step, err := job.TimeStep(ctx)
	if err != nil {
		return nil, err
	}
	e.StepSeconds = step.Seconds()
	e.Seconds = e.StepSeconds * float64(e.Steps)
	return e, nil
}

// together returns a path under which a FineTune finds all the sources as splits: the file itself if it is one, else
// a folder below tmp of links to them, or copies where links can't be made.
func together(from []source, tmp string) (string, error) {
	switch len(from) {
	case 0:
		return "", errNoData
	case 1:
		return from[0].path, nil
	}
	dir := filepath.Join(tmp, "data")
	for i, s := range from {
		at := filepath.Join(dir, s.split)
		if err := os.MkdirAll(at, 0o700); err != nil {
			return "", fmt.Errorf("page: %w", err)
		}
		if err := link(s.path, filepath.Join(at, strconv.Itoa(i)+"-"+filepath.Base(s.path))); err != nil {
			return "", fmt.Errorf("page: %w", err)
		}
	}
	return dir, nil
}

func link(from, to string) error {
	if os.Link(from, to) == nil {
		return nil
	}
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o600)
}

// tail keeps the end of a long text, for the end is what is learned.
func tail(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return "…" + string(r[len(r)-n+1:])
	}
	return s
}
