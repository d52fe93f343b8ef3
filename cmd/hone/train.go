package main

import (
	"encoding/json"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/alecthomas/kong"
	"github.com/hone-ml/hone"
	"github.com/hone-ml/hone/jobs"
	"github.com/hone-ml/hone/train"
)

type trainCommand struct {
	hone.FineTune `embed:""`

	Config kong.ConfigFlag `help:"YAML file with any of these flags by name; the command line goes before it." placeholder:"FILE"`
	DryRun bool            `help:"Read and check everything, tell what training would take, and stop before the first step."`
	Json   bool            `help:"Print the final metrics as JSON on standard output."`

	Ui         bool   `help:"Show the run in the browser while it trains, at an address of this machine that is printed; stays until Ctrl-C."`
	EventsFile string `help:"Append what happens to this file while training, a JSON object a line, for programs that follow." placeholder:"FILE"`

	toured bool // neither model nor data were asked for
}

func (c trainCommand) Run(a *app, k *kong.Context) error {
	c.toured = c.tour(named(k))
	run := func(c trainCommand, a *app) error { return c.record(a, k) }
	if c.Ui && !c.DryRun {
		return c.withPage(a, k, run)
	}
	return run(c, a)
}

// record trains and keeps what happens in the events file, if there is to be one.
func (c trainCommand) record(a *app, k *kong.Context) (err error) {
	record := (*jobs.Recorder)(nil) // records nothing
	if c.EventsFile != "" && !c.DryRun {
		// Before anything else: whoever holds the file is the one who trains.
		if record, err = jobs.Record(c.EventsFile); err != nil {
			return err
		}
		defer record.Close()
		defer func() { record.End(a.ctx, err) }()
	}
	return c.train(a, k, record)
}

func (c trainCommand) train(a *app, k *kong.Context, record *jobs.Recorder) error {
	h, s, err := a.hub()
	if err != nil {
		return err
	}
	defer s.close()
	if c.toured {
		welcome(s)
	}
	v := &viewer{screen: s}
	w := hone.Watch{Hub: h, Device: hone.Device(a.flags.Threads), Hooks: []train.Hooks{v.hooks(), record.Hooks(), {Start: lean}}}
	w.Say = func(format string, args ...any) {
		s.line(format, args...)
		record.Say(format, args...)
	}
	job, err := c.FineTune.Prepare(a.ctx, w)
	if err != nil {
		return err
	}
	c.fill(job, named(k))
	plan, err := job.Plan()
	if err != nil {
		return err
	}
	describe(s, job, plan)
	if c.DryRun {
		return c.dryRun(a, s, job, plan)
	}
	debug.FreeOSMemory() // reading and tokenizing left garbage
	began := time.Now()
	outcome, err := job.Run(a.ctx)
	v.end()
	if err != nil {
		return err
	}
	if err := record.Done(outcome.State, outcome.Metrics, job.OutputDir); err != nil {
		return err
	}
	v.summary(job, outcome, time.Since(began))
	if c.toured {
		if err := c.farewell(a, s, job.OutputDir); err != nil {
			return err
		}
	}
	if c.Json {
		s.close()
		return json.NewEncoder(a.stdout).Encode(outcome.Metrics)
	}
	return nil
}

// lean keeps to the memory that was planned: training allocates next to nothing once it has its own.
func lean(train.Plan) { debug.SetGCPercent(4) }

// fill chooses what people expect to see where they left it open and the reference would show nothing: an
// evaluation after each epoch if there is something to evaluate on, and about 20 logged losses in a short run.
func (c trainCommand) fill(job *hone.Job, set map[string]bool) {
	if !set["eval_strategy"] && !set["eval_steps"] && !set["load_best_model_at_end"] && job.Evaluator != nil {
		job.EvalStrategy = "epoch"
	}
	if set["eval_strategy"] && job.EvalStrategy == "no" && !job.EvalOnStart {
		job.Evaluator = nil // not even at the end
	}
	if !set["logging_steps"] && !set["logging_strategy"] {
		job.LoggingSteps = float64(min(500, max(1, job.Steps()/20)))
	}
}

// dryRun prints the plan with a time measured by one real step, forward and backward.
func (c trainCommand) dryRun(a *app, s *screen, job *hone.Job, plan hone.Plan) error {
	s.line("measuring a step …")
	step, err := job.TimeStep(a.ctx)
	if err != nil {
		return err
	}
	plan.StepSeconds = step.Seconds()
	plan.Seconds = step.Seconds() * float64(plan.Steps)
	s.close()
	if c.Json {
		return json.NewEncoder(a.stdout).Encode(plan)
	}
	fmt.Fprintf(a.stdout, "one step     %.2g s (%s, %.0f GFLOP/s)\n", plan.StepSeconds, flops(float64(plan.FLOPs)), float64(plan.FLOPs)/1e9/plan.StepSeconds)
	fmt.Fprintf(a.stdout, "training     about %s on this machine, evaluations and checkpoints not counted\n", duration(time.Duration(plan.Seconds*float64(time.Second))))
	fmt.Fprintf(a.stdout, "nothing was trained: leave out --dry_run to begin\n")
	return nil
}
