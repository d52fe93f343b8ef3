package main

import (
	"fmt"
	"io"
	"slices"

	"github.com/hone-ml/hone/dataset"
)

// A mistake is a row whose class the model got wrong, and how sure it was.
type mistake struct {
	row, class int
	prob       float64
}

// showMistakes prints the n surest mistakes, which are either hard texts or wrong labels.
func showMistakes(w io.Writer, all []mistake, n int, rows *dataset.Dataset, t dataset.Task, labels []int32) error {
	if n <= 0 || len(all) == 0 {
		return nil
	}
	slices.SortStableFunc(all, func(a, b mistake) int {
		if a.prob > b.prob {
			return -1
		}
		return 1
	})
	fmt.Fprintf(w, "\n%d of %d mistakes, the surest first: hard texts, or labels to check\n", min(n, len(all)), len(all))
	for _, m := range all[:min(n, len(all))] {
		r := rows.Row(m.row)
		fmt.Fprintf(w, "  %s: labelled %s, predicted %s (%.2f)\n    %s\n", r.Where(), t.Names[labels[m.row]], t.Names[m.class], m.prob, shorten(r.Text(t.Text), 110))
	}
	return nil
}
