package sweep

import (
	"math"
	"slices"

	"github.com/hone-ml/hone/eval"
)

// A Rank is a setting and what its runs achieved.
type Rank struct {
	Setting Setting
	Runs    []*Run  // done
	Mean    float64 // of the metric over the runs; NaN if a run has none, as after a loss that is not finite
	// Low and High are a 95 % interval, NaN where nothing tells: of one run, Wilson's interval of an accuracy on so many
	// rows; of several, Student's of the mean over seeds.
	Low, High float64
	// P is how likely a difference like that to the first rank is if there were none; NaN where nothing tells. Of one run
	// each it is the exact test of the rows on which they differ; of several, Welch's test over seeds.
	P float64
	// Alike says that the setting can't be told from the first: P is not below 0.05 divided by the number of comparisons
	// (Bonferroni), or not known.
	Alike bool
}

// Ranks returns the settings with a run that is done, the best first.
func (t *Table) Ranks() []Rank {
	var all []Rank
	at := map[string]int{}
	for _, r := range t.Runs {
		if !r.Done {
			continue
		}
		key := r.Setting.key()
		if _, ok := at[key]; !ok {
			at[key] = len(all)
			all = append(all, Rank{Setting: r.Setting})
		}
		k := &all[at[key]]
		k.Runs = append(k.Runs, r)
	}
	for i := range all {
		t.measure(&all[i])
	}
	slices.SortStableFunc(all, func(a, b Rank) int { return t.compare(a.Mean, b.Mean) })
	for i := range all {
		all[i].P = 1
		if i > 0 {
			all[i].P = t.test(all[0], all[i])
		}
		all[i].Alike = !(all[i].P < 0.05/float64(max(len(all)-1, 1))) && !math.IsNaN(all[i].Mean)
	}
	return all
}

// score returns the metric of a run, NaN if it has none.
func (t *Table) score(r *Run) float64 {
	if x, ok := r.Metrics[t.Metric]; ok {
		return x
	}
	return math.NaN()
}

// compare orders scores, the better first and those that are no number last.
func (t *Table) compare(a, b float64) int {
	switch {
	case math.IsNaN(a) || math.IsNaN(b):
		if math.IsNaN(a) == math.IsNaN(b) {
			return 0
		} else if math.IsNaN(a) {
			return 1
		}
		return -1
	case a == b:
		return 0
	case a > b == t.GreaterIsBetter:
		return -1
	}
	return 1
}

// scores returns the metric of each run.
func (t *Table) scores(runs []*Run) []float64 {
	x := make([]float64, len(runs))
	for i, r := range runs {
		x[i] = t.score(r)
	}
	return x
}

// measure fills in mean and interval.
func (t *Table) measure(k *Rank) {
	x := t.scores(k.Runs)
	mean, variance := meanVar(x)
	k.Mean, k.Low, k.High = mean, math.NaN(), math.NaN()
	first := k.Runs[0]
	switch n := float64(len(x)); {
	case len(x) > 1:
		half := quantile975(n-1) * math.Sqrt(variance/n)
		k.Low, k.High = mean-half, mean+half
	case t.Metric == "eval_accuracy" && first.Examples > 0 && !math.IsNaN(mean):
		k.Low, k.High = eval.Wilson(int(math.Round(mean*float64(first.Examples))), first.Examples)
	}
}

// test returns the probability of a difference like that between a and b if there were none, NaN if nothing tells.
func (t *Table) test(a, b Rank) float64 {
	x, y := a.Runs[0].Right, b.Runs[0].Right
	switch {
	case len(a.Runs) > 1 && len(b.Runs) > 1:
		return welch(t.scores(a.Runs), t.scores(b.Runs))
	case len(a.Runs) == 1 && len(b.Runs) == 1 && t.Metric == "eval_accuracy" && len(x) > 0 && len(x) == len(y):
		won, differ := 0, 0
		for i := range x {
			if x[i] != y[i] {
				differ++
				if x[i] {
					won++
				}
			}
		}
		return signTest(won, differ)
	}
	return math.NaN()
}

// Best returns the best run of the best setting of which a model is there; nil if there is none.
func (t *Table) Best() *Run {
	if ranks := t.Ranks(); len(ranks) > 0 {
		return t.best(ranks[0].Runs)
	}
	return nil
}

// best returns the best of runs that have their model.
func (t *Table) best(runs []*Run) (best *Run) {
	for _, r := range runs {
		if r.Kept && (best == nil || t.compare(t.score(r), t.score(best)) < 0) {
			best = r
		}
	}
	return best
}
