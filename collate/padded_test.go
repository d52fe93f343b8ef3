package collate

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The three tensors equal those of transformers' collators, but for the two traps that they set.
func TestCollatorsEqualReference(t *testing.T) {
	b, err := os.ReadFile("testdata/collators.json")
	if err != nil {
		t.Fatal(err)
	}
	var head struct {
		Rows []struct {
			IDs    []int32 `json:"input_ids"`
			Labels []int32 `json:"labels"`
		}
		Pad int32
	}
	if err := json.Unmarshal(b, &head); err != nil {
		t.Fatal(err)
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	var batch []Example
	for _, r := range head.Rows {
		batch = append(batch, Example{r.IDs, r.Labels})
	}
	for key, p := range map[string]Padding{
		"right-1": {Token: head.Pad}, "right-4": {Token: head.Pad, ToMultiple: 4},
		"left-1": {Token: head.Pad, Left: true}, "left-4": {Token: head.Pad, Left: true, ToMultiple: 4},
	} {
		var want struct{ Padding, Seq2Seq, LM Tensors }
		if err := json.Unmarshal(all[key], &want); err != nil {
			t.Fatal(err)
		}
		want.Padding.Labels = want.Seq2Seq.Labels // the reference leaves labels ragged there
		if d := cmp.Diff(want.Padding, WithPadding(batch, p)); d != "" {
			t.Errorf("%s: DataCollatorWithPadding: %s", key, d)
		}
		if d := cmp.Diff(want.Seq2Seq, ForSeq2Seq(batch, p)); d != "" {
			t.Errorf("%s: DataCollatorForSeq2Seq: %s", key, d)
		}
		// The second row ends with a real token that doubles as padding: the reference forgets it.
		row := want.LM.Labels[1]
		for j, id := range want.LM.InputIDs[1] {
			if id == head.Pad && want.LM.AttentionMask[1][j] == 1 {
				if row[j] != Ignore {
					t.Fatalf("%s: the reference has mended its ways", key)
				}
				row[j] = id
			}
		}
		if d := cmp.Diff(want.LM, ForLanguageModeling(batch, p)); d != "" {
			t.Errorf("%s: DataCollatorForLanguageModeling: %s", key, d)
		}
	}
}
