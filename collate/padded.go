package collate

import "fmt"

// Tensors are the three tensors that transformers' collators make of a batch, row by row: [B][T].
type Tensors struct {
	InputIDs      [][]int32 `json:"input_ids"`
	AttentionMask [][]int32 `json:"attention_mask"`
	Labels        [][]int32 `json:"labels"`
}

// A Padding says how rows become equally long.
type Padding struct {
	Token      int32 // fills input_ids
	Left       bool  // padding_side "left"; the zero value pads on the right
	ToMultiple int   // pad_to_multiple_of; 0 or 1 means no more than the longest row
}

// WithPadding does what DataCollatorWithPadding does: it pads input_ids with the pad token and masks what it
// added. Unlike the reference it pads labels too, with Ignore.
func WithPadding(batch []Example, p Padding) Tensors { return pad(batch, p, longest(batch)) }

// ForSeq2Seq does what DataCollatorForSeq2Seq does: labels are padded with Ignore to the longest label row, on
// their own, since they may be longer or shorter than the inputs.
func ForSeq2Seq(batch []Example, p Padding) Tensors {
	t := pad(batch, p, longest(batch))
	n := 0
	for _, e := range batch {
		n = max(n, len(e.Labels))
	}
	n = p.width(n)
	for i, e := range batch {
		t.Labels[i] = fill(e.Labels, n, Ignore, p.Left)
	}
	return t
}

// ForLanguageModeling does what DataCollatorForLanguageModeling(mlm=False) does: labels are the inputs, padding
// ignored. Unlike the reference it goes by position, not by id, so that an end-of-text token that doubles as
// padding is still learned.
func ForLanguageModeling(batch []Example, p Padding) Tensors {
	t := pad(batch, p, longest(batch))
	for i, e := range batch {
		t.Labels[i] = fill(e.IDs, len(t.InputIDs[i]), Ignore, p.Left)
	}
	return t
}

func pad(batch []Example, p Padding, n int) (t Tensors) {
	n = p.width(n)
	for i, e := range batch {
		if e.Labels != nil && len(e.Labels) != len(e.IDs) && len(e.Labels) > n {
			panic(fmt.Sprintf("collate: row %d has %d ids and %d labels", i, len(e.IDs), len(e.Labels)))
		}
		mask := make([]int32, len(e.IDs))
		for j := range mask {
			mask[j] = 1
		}
		t.InputIDs = append(t.InputIDs, fill(e.IDs, n, p.Token, p.Left))
		t.AttentionMask = append(t.AttentionMask, fill(mask, n, 0, p.Left))
		t.Labels = append(t.Labels, fill(e.Labels, n, Ignore, p.Left))
	}
	return t
}

func longest(batch []Example) (n int) {
	for _, e := range batch {
		n = max(n, len(e.IDs))
	}
	return n
}

func (p Padding) width(n int) int {
	if p.ToMultiple > 1 {
		n = (n + p.ToMultiple - 1) / p.ToMultiple * p.ToMultiple
	}
	return n
}

func fill(row []int32, n int, with int32, left bool) []int32 {
	out := make([]int32, n)
	for i := range out {
		out[i] = with
	}
	if left {
		copy(out[n-len(row):], row)
	} else {
		copy(out, row)
	}
	return out
}
