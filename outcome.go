package hone

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/hone-ml/hone/train"
)

// measure evaluates the weights that training ended with, unless it has done so itself, and adds the result to
// output_dir's files.
func (j *Job) measure(ctx context.Context, o *Outcome) error {
	if j.Evaluator == nil {
		return nil
	}
	if !j.measured(o.State) {
		began := time.Now()
		result, err := j.Evaluator.Evaluate(ctx, j.Model.NewRun(j.watch.Device), j.progress)
		if err != nil {
			return err
		}
		row := train.Row{"epoch": o.State.Epoch}
		for name, v := range result.Metrics {
			row["eval_"+name] = v
		}
		seconds := time.Since(began).Seconds()
		row["eval_runtime"] = seconds
		row["eval_samples_per_second"] = float64(result.Examples) / seconds
		row["eval_steps_per_second"] = float64(result.Steps) / seconds
		if err := train.SaveMetrics(j.OutputDir, "eval", row); err != nil {
			return err
		}
	}
	if c, ok := j.Evaluator.(*classEvaluator); ok {
		o.Report, o.Right = c.report, c.right
	}
	return nil
}

// measured reports whether the last row of the history but the summary is an evaluation of the final weights.
func (j *Job) measured(s *train.State) bool {
	if j.LoadBestModelAtEnd {
		return false
	}
	for _, row := range s.LogHistory {
		if _, ok := row["eval_loss"]; ok && row["step"] == float64(s.GlobalStep) {
			return true
		}
	}
	return false
}

// results reads what all_results.json says.
func results(dir string) (train.Row, error) {
	path := filepath.Join(dir, "all_results.json")
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("hone: %w", err)
	}
	var r train.Row
	if err := r.UnmarshalJSON(b); err != nil { // which reads NaN, as Python writes it
		return nil, fmt.Errorf("hone: %s: %w", path, err)
	}
	return r, nil
}

// card writes the model card.
func (j *Job) card(o *Outcome) error {
	c := train.Card{Version: Version()}
	if j.Adapter != nil {
		c.Library, c.Tags = "peft", []string{"lora"}
	}
	if name := j.FineTune.Model; j.FromScratch == "" && onHub(name) {
		c.BaseModel = name
	}
	if name := j.FineTune.Dataset; onHub(name) {
		c.Datasets = []string{name}
	}
	return train.WriteCard(c, &j.Args, o.State)
}

func (j *Job) progress(done, total int) {
	for _, h := range j.watch.Hooks {
		if h.Eval != nil {
			h.Eval(done, total)
		}
	}
}
