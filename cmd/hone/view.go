package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/guptarohit/asciigraph"
	"github.com/hone-ml/hone"
	"github.com/hone-ml/hone/dataset"
	"github.com/hone-ml/hone/internal/disk"
	"github.com/hone-ml/hone/train"
)

// A viewer shows a training run.
type viewer struct {
	*screen
	losses []float64 // as logged, for the chart
	before float64   // accuracy of the first evaluation if no step came before it
	titled bool
}

func (v *viewer) hooks() train.Hooks {
	return train.Hooks{Start: v.start, Step: v.step, Log: v.log, Eval: v.eval, Save: v.saved, Warn: v.warn}
}

func (v *viewer) start(p train.Plan) {
	if p.FirstStep > 0 {
		v.line("going on from %s, step %d of %d", p.From, p.FirstStep, p.MaxSteps)
	}
}

func (v *viewer) step(p train.Progress) error {
	v.bar("training", p.Step, p.MaxSteps, fmt.Sprintf("  loss %.4f  lr %.2e  %.0f tok/s", p.Loss, p.LearningRate, p.TokensPerSecond))
	return nil
}

// log prints a row of the history: losses as a table, evaluations on lines of their own.
func (v *viewer) log(row train.Row) error {
	if _, ok := row["train_runtime"]; ok {
		if _, logged := row["loss"]; !logged {
			return nil // the summary tells
		}
	}
	if loss, ok := row["loss"]; ok {
		if !v.titled {
			v.titled = true
			v.line("%8s %7s %9s %10s %10s", "step", "epoch", "loss", "grad_norm", "lr")
		}
		v.losses = append(v.losses, loss)
		v.line("%8.0f %7.2f %9.4f %10.3f %10.2e", row["step"], row["epoch"], loss, row["grad_norm"], row["learning_rate"])
		return nil
	}
	v.end()
	if acc, ok := row["eval_accuracy"]; ok && row["step"] == 0 {
		v.before = acc
	}
	v.line("%8.0f %7.2f %s", row["step"], row["epoch"], metrics(row))
	return nil
}

// metrics lists what an evaluation found, the metrics that people ask for first.
func metrics(row map[string]float64) string {
	var parts []string
	for _, name := range []string{"loss", "accuracy", "f1", "perplexity"} {
		if x, ok := row["eval_"+name]; ok {
			parts = append(parts, fmt.Sprintf("%s %.4f", name, x))
		}
	}
	return "evaluation: " + strings.Join(parts, ", ")
}

func (v *viewer) eval(done, total int) { v.bar("evaluating", done, total, "") }

func (v *viewer) saved(dir string, step int) error {
	v.line("saved %s", dir)
	return nil
}

func (v *viewer) warn(message string) { v.line("warning: %s", message) }

// end clears the bar of an evaluation.
func (v *viewer) end() { v.screen.end("evaluating") }

// describe tells what is about to happen.
func describe(s *screen, job *hone.Job, p hone.Plan) {
	c := job.Model.Config
	from := job.Base
	if job.FromScratch != "" {
		from = "random weights of " + job.FromScratch
	}
	s.line("model: %s, %s parameters, %d layers of width %d, from %s", c.ModelType, count(p.Params), c.Layers, c.HiddenSize, from)
	if a := job.Adapter; a != nil {
		s.line("training an adapter of rank %d on %s: %d of these, %.2g%%", a.Config.R, a.Config.TargetModules, p.Trainable, 100*float64(p.Trainable)/float64(p.Params))
	}
	text, learns := job.Sample()
	s.line("first example: %s", quoted(text, 100))
	s.line("  learns to say: %s", quoted(learns, 60))
	st := job.Stats
	s.line("%s, %.0f tokens on average, %d at most", plural(st.Examples, "example"), float64(st.Tokens)/float64(st.Examples), st.Longest)
	if st.Cut > 0 {
		remedy := "raise --max_length if that matters"
		if st.Longest >= c.MaxPositions {
			remedy = "the model can't read more at once"
		}
		s.line("  %d of them (%.1f%%) were longer and lost their beginning: %s", st.Cut, 100*float64(st.Cut)/float64(st.Rows), remedy)
	}
	if st.Blank > 0 {
		s.line("  warning: the text of %s is empty; the model learns the label of nothing from them", plural(st.Blank, "row"))
	}
	if st.Empty > 0 {
		s.line("  %d rows were left out: nothing to learn from in them", st.Empty)
	}
	s.line("%s of %s, %g epochs; about %s of memory (weights %s, gradients %s, AdamW %s, activations %s, all else %s)",
		plural(p.Steps, "step"), plural(p.BatchSize, "example"), round(p.Epochs), size(p.Bytes), size(p.WeightBytes), size(p.GradBytes), size(p.MomentBytes), size(p.ActBytes), size(p.OtherBytes))
	s.line("%s a step, %s in all; a checkpoint takes %s in %s", flops(float64(p.FLOPs)), flops(p.TotalFLOPs), size(p.DiskBytes), job.OutputDir)
}

// summary tells what came out and what to do with it.
func (v *viewer) summary(job *hone.Job, o *hone.Outcome, took time.Duration) {
	v.close()
	v.bars = nil
	if len(v.losses) > 2 {
		v.line("\n%s", asciigraph.Plot(v.losses, asciigraph.Height(8), asciigraph.Width(min(64, 2*len(v.losses))), asciigraph.Precision(3),
			asciigraph.Caption("training loss")))
	}
	v.line("\ntrained %s in %s", plural(o.State.GlobalStep, "step"), duration(took))
	if o.Report != nil {
		acc, low, high := o.Report.Accuracy()
		class, base := o.Report.Baseline()
		v.line("accuracy %.4f (95%% interval %.4f to %.4f); always saying %q would have %.4f", acc, low, high, o.Report.Classes[class], base)
		if v.before > 0 {
			v.line("accuracy before training %.4f; training changed it by %+.1f points", v.before, 100*(acc-v.before))
		}
	} else if x, ok := o.Metrics["eval_perplexity"]; ok {
		v.line("perplexity %.3f, loss %.4f", x, o.Metrics["eval_loss"])
	} else {
		v.line("nothing was held out to tell how good it is: --test_size 0.1 does, --eval_split names a split")
	}
	dir := filepath.Clean(job.OutputDir)
	if job.Adapter != nil {
		v.line("the adapter is in %s, in PEFT's layout; hone merge makes a whole model of it. Next:", dir)
	} else {
		v.line("the model is in %s, in Hugging Face layout. Next:", dir)
	}
	if job.Task.Kind == dataset.Classification {
		v.line("  hone predict --model %s \"a text of your own\"", dir)
		v.line("  hone eval --model %s --dataset %s", dir, job.FineTune.Dataset)
	} else {
		v.line("  hone generate --model %s --prompt \"…\"", dir)
	}
}

// plural counts things.
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

func size(n int64) string { return disk.Size(uint64(n)) }

// flops writes a number of floating-point operations.
func flops(n float64) string {
	for _, u := range []struct {
		size float64
		name string
	}{{1e15, "PFLOP"}, {1e12, "TFLOP"}, {1e9, "GFLOP"}} {
		if n >= u.size {
			return fmt.Sprintf("%.3g %s", n/u.size, u.name)
		}
	}
	return fmt.Sprintf("%.3g MFLOP", n/1e6)
}

// count writes a number of parameters as people say it.
func count(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.2f B", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f M", float64(n)/1e6)
	}
	return fmt.Sprint(n)
}

func round(x float64) float64 { return float64(int(x*100+0.5)) / 100 }

// quoted shows text on one line, its end if it is long, for the end is what is learned.
func quoted(text string, n int) string {
	r := []rune(text)
	if len(r) > n {
		text = "…" + string(r[len(r)-n+1:])
	}
	return fmt.Sprintf("%q", text)
}
