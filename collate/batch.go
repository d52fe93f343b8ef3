// Package collate turns rows of a data set into tokenized examples and examples into batches: packed ones for
// the engine, and the padded three tensors (input_ids, attention_mask, labels) for people who want them.
package collate

import "fmt"

// Ignore is the label of a token that carries no loss.
const Ignore = -100

// An Example is one tokenized row. Labels are aligned with IDs, as in the reference: the loss shifts them.
type Example struct {
	IDs, Labels []int32
}

// A Batch is sequences laid end to end with no padding, one row per token that the loss needs.
//
// The row of token i predicts token i+1, so a sequence ends before its last labelled token: neither that token
// nor anything behind it is ever an input.
type Batch struct {
	IDs []int32 // [N]
	Pos []int32 // [N] position in the sequence
	Cu  []int32 // cu_seqlens: sequence s is rows [Cu[s], Cu[s+1])

	Rows    []int32 // [R] the rows that predict a labelled token, in increasing order
	Targets []int32 // [R] that token; the loss is divided by their number over a whole optimizer step
	Of      []int32 // [R] index of its example in the batch

	Examples int // how many examples were packed
	Tokens   int // input_ids of all examples
	Longest  int // input_ids of the longest example
}

// Pack fills dst, whose memory it reuses, with the examples of one batch.
func Pack(dst *Batch, examples []Example) {
	*dst = Batch{IDs: dst.IDs[:0], Pos: dst.Pos[:0], Cu: append(dst.Cu[:0], 0),
		Rows: dst.Rows[:0], Targets: dst.Targets[:0], Of: dst.Of[:0], Examples: len(examples)}
	for i, e := range examples {
		if len(e.IDs) != len(e.Labels) {
			panic(fmt.Sprintf("collate: example with %d ids and %d labels", len(e.IDs), len(e.Labels)))
		}
		dst.Tokens += len(e.IDs)
		dst.Longest = max(dst.Longest, len(e.IDs))
		start, last := len(dst.IDs), 0
		for j, y := range e.Labels {
			if y == Ignore {
				continue
			}
			if j > 0 {
				dst.Rows = append(dst.Rows, int32(start+j-1))
				dst.Targets = append(dst.Targets, y)
				dst.Of = append(dst.Of, int32(i))
				last = j
			}
		}
		if last == 0 {
			continue // nothing to predict
		}
		dst.IDs = append(dst.IDs, e.IDs[:last]...)
		for j := range last {
			dst.Pos = append(dst.Pos, int32(j))
		}
		dst.Cu = append(dst.Cu, int32(len(dst.IDs)))
	}
}
