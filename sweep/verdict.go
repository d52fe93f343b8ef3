package sweep

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// listed bounds how many settings a sentence names.
const listed = 5

// Verdict says in a sentence or two which of the settings can be told apart and which can't; names are the flags in the
// order to list them. It is "" where there is nothing to compare.
func Verdict(ranks []Rank, names []string) string {
	if len(ranks) < 2 {
		return ""
	}
	first := ranks[0].Setting.In(names)
	if math.IsNaN(ranks[0].Mean) {
		return "no run has a finite result: the learning rate may be far too high"
	}
	var alike []string
	unknown := false
	for _, k := range ranks {
		if !k.Alike {
			continue
		}
		unknown = unknown || math.IsNaN(k.P)
		alike = append(alike, k.Setting.In(names))
	}
	if unknown {
		return fmt.Sprintf("%s came out first, but with one run of a setting nothing tells a difference from chance: --seed 1,2,3 does each setting three times", first)
	}
	if len(alike) == 1 {
		return fmt.Sprintf("%s is better than every other setting here, by more than chance explains (95 %%, all comparisons together)", first)
	}
	n := len(alike)
	if n > listed {
		alike = append(alike[:listed-1], fmt.Sprintf("and %d more", n-listed+1))
	}
	which := fmt.Sprintf("the best %d", n)
	if slices.ContainsFunc(ranks[:n], func(k Rank) bool { return !k.Alike }) { // one that errs on much the same rows is told apart sooner
		which = fmt.Sprintf("%d settings", n)
	}
	return fmt.Sprintf("%s can't be told apart: %s. Take the cheapest, or try more seeds or more rows", which, strings.Join(alike, "; "))
}
