package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"github.com/hone-ml/hone"
	"github.com/hone-ml/hone/checkpoint"
	"github.com/hone-ml/hone/dataset"
	"github.com/hone-ml/hone/sweep"
	"github.com/hone-ml/hone/train"
)

type sweepCommand struct {
	hone.FineTune `embed:""`

	Config     string   `help:"YAML file with any of these flags by name; a list varies a flag, {min: 1e-5, max: 1e-3} is a range of it." placeholder:"FILE"`
	Vary       []string `help:"What to try: NAME=A,B,C, or NAME=LOW..HIGH to draw from. --NAME A,B,C is short for it. Several seeds, --seed 1,2,3, repeat every setting." sep:"none" placeholder:"NAME=A,B,C"`
	Trials     int      `help:"Draw N settings at random instead of trying all." placeholder:"N"`
	TrialsSeed uint64   `help:"Start of the random numbers that settings are drawn with." default:"0" placeholder:"N"`
	KeepAll    bool     `help:"Keep every run's model; if not given, the best one stays."`
	DryRun     bool     `help:"Read and check everything, list the runs, and stop before the first."`
	Json       bool     `help:"Print the ranking as JSON on standard output."`

	names []string // of the axes but the seed
	set   map[string]bool
	node  *kong.Node
}

func (c *sweepCommand) Run(a *app, k *kong.Context) error {
	settings, seeds, err := c.plan(k)
	if err != nil {
		return err
	}
	h, s, err := a.hub()
	if err != nil {
		return err
	}
	defer s.close()
	r := &sweeper{sweepCommand: c, screen: s}
	w := hone.Watch{Hub: h, Device: hone.Device(a.flags.Threads), Say: s.line, Hooks: []train.Hooks{{Step: r.step, Eval: r.evaluated, Warn: r.warn}}}
	if r.job, err = c.FineTune.Prepare(a.ctx, w); err != nil {
		return err
	}
	if err := c.open(r); err != nil {
		return err
	}
	r.runs = r.table.Plan(settings, seeds)
	for _, run := range r.runs { // mistakes show before anything is computed
		f, err := c.at(r.table, run)
		if err == nil {
			err = f.Check()
		}
		if err != nil {
			return fmt.Errorf("%s: %w", c.title(run), err)
		}
	}
	s.line("%s of %s, with %s each: %s", plural(len(settings), "setting"), strings.Join(c.names, ", "), plural(len(seeds), "seed"), plural(len(r.runs), "run"))
	if c.DryRun {
		s.close()
		for _, run := range r.runs {
			fmt.Fprintf(a.stdout, "%s  %s\n", run.Name, c.title(run))
		}
		return nil
	}
	if err := r.all(a.ctx); err != nil {
		return err
	}
	s.close()
	if c.Json {
		return c.json(a, r.table)
	}
	c.report(a, r.table, r.job)
	return nil
}

// plan reads what is varied and returns the settings and seeds to run.
func (c *sweepCommand) plan(k *kong.Context) (settings []sweep.Setting, seeds []string, err error) {
	c.node, c.set = k.Selected(), named(k)
	axes, err := c.axes(c.node, c.set)
	if err != nil {
		return nil, nil, err
	}
	seeds = []string{fmt.Sprint(c.Seed)}
	if i := slices.IndexFunc(axes, func(a sweep.Axis) bool { return a.Name == "seed" }); i >= 0 {
		if seeds = axes[i].Values; seeds == nil {
			return nil, nil, errors.New("seed is a range; list the seeds: --seed 1,2,3")
		}
		axes = slices.Delete(axes, i, i+1)
	}
	if len(axes) == 0 && len(seeds) < 2 {
		return nil, nil, errors.New("nothing is varied: give a flag several values, such as --learning_rate 1e-5,3e-5,1e-4 or --seed 1,2,3")
	}
	for _, axis := range axes {
		c.names = append(c.names, axis.Name)
	}
	if c.Trials != 0 {
		settings, err = sweep.Random(axes, c.Trials, c.TrialsSeed)
	} else {
		settings, err = sweep.Grid(axes)
	}
	if !c.set["save_strategy"] && !c.set["save_steps"] && !c.set["load_best_model_at_end"] {
		c.SaveStrategy = "no" // an interrupted run saves all the same
	}
	return settings, seeds, err
}

// open opens the table of output_dir.
func (c *sweepCommand) open(r *sweeper) (err error) {
	if r.job.Evaluator == nil {
		return errors.New("there is nothing to rank by: give --eval_split, or hold rows out with --test_size 0.1")
	}
	metric := c.MetricForBestModel
	if metric == "" {
		metric = "loss"
		if r.job.Task.Kind == dataset.Classification {
			metric = "accuracy"
		}
	}
	metric = "eval_" + strings.TrimPrefix(metric, "eval_")
	greater := !strings.HasSuffix(metric, "loss") && !strings.HasSuffix(metric, "error") && metric != "eval_perplexity"
	if c.GreaterIsBetter != nil {
		greater = *c.GreaterIsBetter
	}
	base := c.FineTune
	base.OutputDir, base.ResumeFromCheckpoint = "", ""
	if c.TestSize == 0 && c.MaxTrainSamples == 0 && c.MaxEvalSamples == 0 {
		base.Seed = 0 // no rows are drawn with it: runs of other seeds compare
	}
	b, err := json.Marshal(base)
	if err != nil {
		return err
	}
	r.table, err = sweep.Open(c.OutputDir, metric, greater, b)
	return err
}

// at returns the job of a run.
func (c *sweepCommand) at(t *sweep.Table, r *sweep.Run) (f hone.FineTune, err error) {
	given := c.FineTune
	defer func() { c.FineTune = given }()
	for name, value := range r.Setting.With("seed", r.Seed) {
		if err := put(flagOf(c.node, name), value); err != nil {
			return f, err
		}
	}
	f = c.FineTune // put has written into it
	f.OutputDir = t.Dir(r)
	return f, nil
}

// title names a run for people.
func (c *sweepCommand) title(r *sweep.Run) string {
	return r.Setting.With("seed", r.Seed).In(append(slices.Clone(c.names), "seed"))
}

// A sweeper does the runs of a sweep.
type sweeper struct {
	*sweepCommand
	*screen
	table *sweep.Table
	job   *hone.Job
	runs  []*sweep.Run
	title string // of the bar
}

// all does the runs that aren't done.
func (r *sweeper) all(ctx context.Context) error {
	if done := len(r.runs) - r.left(); done > 0 {
		r.line("%s done before", plural(done, "run"))
	}
	if err := r.table.Save(); err != nil {
		return err
	}
	debug.SetGCPercent(10) // as hone train
	for i, run := range r.runs {
		if run.Done {
			continue
		}
		r.title = fmt.Sprintf("run %d of %d", i+1, len(r.runs))
		if err := r.one(ctx, run); err != nil {
			if ctx.Err() != nil {
				return &stopped{r.title, err}
			}
			return fmt.Errorf("%s, %s: %w", run.Name, r.sweepCommand.title(run), err)
		}
	}
	return nil
}

// left returns the number of runs to do.
func (r *sweeper) left() (n int) {
	for _, run := range r.runs {
		if !run.Done {
			n++
		}
	}
	return n
}

// one does a run, from its last checkpoint if there is one.
func (r *sweeper) one(ctx context.Context, run *sweep.Run) error {
	f, err := r.at(r.table, run)
	if err != nil {
		return err
	}
	last, err := checkpoint.Last(f.OutputDir)
	if err != nil {
		return err
	}
	if last != "" {
		f.ResumeFromCheckpoint = "true"
		r.line("%s goes on from %s", r.title, last)
	}
	if r.job, err = r.job.Again(ctx, f); err != nil {
		return err
	}
	if !r.set["logging_steps"] && !r.set["logging_strategy"] {
		r.job.LoggingSteps = float64(min(500, max(1, r.job.Steps()/20)))
	}
	began := time.Now()
	outcome, err := r.job.Run(ctx)
	r.end(r.title)
	r.end("evaluating")
	if err != nil {
		return err
	}
	result := sweep.Result{Metrics: map[string]float64{}, Right: outcome.Right, Seconds: time.Since(began).Seconds()}
	for name, x := range outcome.Metrics {
		if !math.IsNaN(x) && !math.IsInf(x, 0) {
			result.Metrics[name] = x
		}
	}
	if outcome.Report != nil {
		result.Examples, _ = outcome.Report.Confusion.Total()
	}
	if _, ok := outcome.Metrics[r.table.Metric]; !ok {
		return fmt.Errorf("metric_for_best_model is %q, which the evaluation did not give", strings.TrimPrefix(r.table.Metric, "eval_"))
	}
	if err := r.table.Finish(run, result, r.KeepAll); err != nil {
		return err
	}
	rest := ""
	if n := r.left(); n > 0 {
		rest = fmt.Sprintf("; about %s for %s more", duration(time.Duration(float64(n)*result.Seconds*float64(time.Second))), plural(n, "run"))
	}
	r.line("%s: %s  %s %.4f in %s%s", r.title, r.sweepCommand.title(run), strings.TrimPrefix(r.table.Metric, "eval_"), outcome.Metrics[r.table.Metric],
		duration(time.Since(began)), rest)
	return nil
}

func (r *sweeper) step(p train.Progress) error {
	r.bar(r.title, p.Step, p.MaxSteps, fmt.Sprintf("  loss %.4f", p.Loss))
	return nil
}

func (r *sweeper) evaluated(done, total int) { r.bar("evaluating", done, total, "") }

func (r *sweeper) warn(message string) { r.line("warning: %s", message) }

// stopped is a sweep that was interrupted.
type stopped struct {
	run string
	err error
}

func (e *stopped) Error() string {
	text := fmt.Sprintf("interrupted in %s", e.run)
	if cut := (*train.Interrupted)(nil); errors.As(e.err, &cut) {
		text += fmt.Sprintf(", after step %d of %d, and saved", cut.Step, cut.MaxSteps)
	}
	return text + "; the same command goes on from there"
}

// Is makes it a cancelled context's error.
func (e *stopped) Is(target error) bool { return target == context.Canceled }
