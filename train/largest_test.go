package train

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/hone-ml/hone/eval"
)

// Largest is the largest of the batches that the run makes, and what is reserved for it is what the run takes.
func TestLargest(t *testing.T) {
	for _, args := range []string{
		`{"num_train_epochs": 2.2}`,
		`{"max_steps": 2}`,
		`{"max_steps": 2, "seed": 7, "gradient_accumulation_steps": 1}`,
		`{"train_sampling_strategy": "sequential", "max_steps": 3}`,
		`{"dataloader_drop_last": true, "num_train_epochs": 1, "per_device_train_batch_size": 3}`,
	} {
		tr := small(t, t.TempDir(), args)
		tr.Eval = nil
		r := rand.New(rand.NewPCG(4, 5))
		for i, e := range tr.Train { // of many lengths
			n := 2 + r.IntN(len(e.IDs)-1)
			e.IDs, e.Labels = e.IDs[:n], slices.Clone(e.Labels[:n])
			e.Labels[n-1] = 5
			tr.Train[i] = e
		}
		l, err := tr.prepare(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		lengths := make([]int, len(tr.Train))
		for i, e := range tr.Train {
			lengths[i] = len(e.IDs)
		}
		sum := func(batch []int32) (n int) {
			for _, i := range batch {
				n += lengths[i]
			}
			return n
		}
		most := 0
		for e := 0; l.state.GlobalStep < l.state.MaxSteps; e++ {
			perm := slices.Clone(l.order.epoch(e))
			for u := 0; u < l.perEpoch && l.state.GlobalStep < l.state.MaxSteps; u++ {
				for b := u * l.args.GradientAccumulationSteps; b < min((u+1)*l.args.GradientAccumulationSteps, l.batches); b++ {
					most = max(most, sum(perm[l.begin(b):l.begin(b+1)]))
				}
				l.state.GlobalStep++
			}
		}
		if got := sum(tr.Args.Largest(lengths, math.MaxInt)); got != most {
			t.Errorf("%s: the largest batch has %d tokens, said to be %d", args, most, got)
		}
	}
}

// group_by_length puts the longest examples together, whatever the seed.
func TestLargestGrouped(t *testing.T) {
	a := Defaults()
	if err := json.Unmarshal([]byte(`{"train_sampling_strategy": "group_by_length", "per_device_train_batch_size": 2}`), &a); err != nil {
		t.Fatal(err)
	}
	if got := a.Largest([]int{3, 9, 1, 8, 2}, math.MaxInt); !slices.Equal(got, []int32{1, 3}) {
		t.Errorf("%v", got)
	}
}

// The memory of a run, evaluations in it, is what was made room for at the start.
func TestReserved(t *testing.T) {
	for _, args := range []string{`{"max_steps": 5}`, `{"max_steps": 5, "gradient_checkpointing": true, "eval_strategy": "steps", "eval_steps": 2}`} {
		tr := small(t, t.TempDir(), args)
		tr.Eval = &eval.Loss{Examples: slices.Repeat(tr.Eval.(*eval.Loss).Examples, 9)}
		l, err := tr.prepare(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := l.start(); err != nil {
			t.Fatal(err)
		}
		if err := l.train(); err != nil {
			t.Fatal(err)
		}
		if got, want := l.run.Peak(), l.reserved; got != want {
			t.Errorf("%s: the run took %d bytes, reserved were %d", args, got, want)
		}
	}
}
