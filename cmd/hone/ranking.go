package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/hone-ml/hone"
	"github.com/hone-ml/hone/dataset"
	"github.com/hone-ml/hone/sweep"
)

// report prints the ranking and what it is worth.
func (c *sweepCommand) report(a *app, t *sweep.Table, job *hone.Job) {
	ranks := t.Ranks()
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	metric := strings.TrimPrefix(t.Metric, "eval_")
	fmt.Fprintf(w, "%s\t%s\t95 %% interval\truns\ttime\n", strings.Join(c.names, "\t"), metric)
	for _, k := range ranks {
		for _, name := range c.names {
			fmt.Fprintf(w, "%s\t", cmp.Or(k.Setting[name], "–"))
		}
		interval := "not known"
		if !math.IsNaN(k.Low) {
			interval = fmt.Sprintf("%.4f to %.4f", k.Low, k.High)
		}
		seconds := 0.0
		for _, r := range k.Runs {
			seconds += r.Seconds
		}
		fmt.Fprintf(w, "%.4f\t%s\t%d\t%s\n", k.Mean, interval, len(k.Runs), duration(time.Duration(seconds*float64(time.Second))))
	}
	w.Flush()
	if verdict := sweep.Verdict(ranks, c.names); verdict != "" {
		fmt.Fprintf(a.stdout, "\n%s\n", verdict)
	}
	best := t.Best()
	if best == nil {
		return
	}
	dir := filepath.Clean(t.Dir(best))
	fmt.Fprintf(a.stdout, "\nthe best model is in %s: %s\n", dir, c.title(best))
	a.say("its %s is that of the rows it was chosen by, hence a little too good. Next:", metric)
	if job.Task.Kind == dataset.Classification {
		a.say("  hone eval --model %s --dataset %s --split test", dir, c.Dataset)
	} else {
		a.say("  hone generate --model %s --prompt \"…\"", dir)
	}
}

// ranked is a rank in JSON.
type ranked struct {
	Setting sweep.Setting `json:"setting"`
	Mean    *float64      `json:"mean"`
	Low     *float64      `json:"low"`
	High    *float64      `json:"high"`
	P       *float64      `json:"p"`
	Alike   bool          `json:"like_the_best"`
	Runs    []string      `json:"runs"`
}

// json prints the ranking for programs.
func (c *sweepCommand) json(a *app, t *sweep.Table) error {
	out := struct {
		Metric  string   `json:"metric"`
		Best    string   `json:"best_model"`
		Verdict string   `json:"verdict"`
		Ranks   []ranked `json:"ranks"`
	}{Metric: t.Metric}
	ranks := t.Ranks()
	out.Verdict = sweep.Verdict(ranks, c.names)
	if best := t.Best(); best != nil {
		out.Best = t.Dir(best)
	}
	for _, k := range ranks {
		r := ranked{k.Setting, finite(k.Mean), finite(k.Low), finite(k.High), finite(k.P), k.Alike, nil}
		for _, run := range k.Runs {
			r.Runs = append(r.Runs, run.Name)
		}
		out.Ranks = append(out.Ranks, r)
	}
	return json.NewEncoder(a.stdout).Encode(out)
}

// finite returns x, or nil for what JSON has no number for.
func finite(x float64) *float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	return &x
}
