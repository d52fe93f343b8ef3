package collate

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPack(t *testing.T) {
	const x = Ignore
	var b Batch
	for range 2 { // memory is reused, contents are not
		Pack(&b, []Example{
			{IDs: []int32{5, 6, 7, 8}, Labels: []int32{x, x, 7, x}}, // nothing after 6 is an input
			{IDs: []int32{9, 9}, Labels: []int32{9, x}},             // nothing predicts it
			{IDs: []int32{1, 2, 3}, Labels: []int32{1, 2, 3}},
			{},
		})
	}
	want := Batch{IDs: []int32{5, 6, 1, 2}, Pos: []int32{0, 1, 0, 1}, Cu: []int32{0, 2, 4},
		Rows: []int32{1, 2, 3}, Targets: []int32{7, 2, 3}, Of: []int32{0, 2, 2}, Examples: 4, Tokens: 9, Longest: 4}
	if d := cmp.Diff(want, b); d != "" {
		t.Error(d)
	}
}
