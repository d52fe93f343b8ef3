package train

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hone-ml/hone/compute/cpu"
)

// lossesAt returns the mean losses of the first and the last ten updates.
func lossesAt(s *State) (first, last float64) {
	var all []float64
	for _, row := range s.LogHistory {
		if loss, ok := row["loss"]; ok {
			all = append(all, loss)
		}
	}
	for i := range 10 {
		first += all[i] / 10
		last += all[len(all)-1-i] / 10
	}
	return first, last
}

// Training in bfloat16 gets nearly as far as in float32, at a learning rate where rounding to the nearest would swallow
// most updates.
func TestBF16Learns(t *testing.T) {
	const args = `{"max_steps": 120, "logging_steps": 1, "learning_rate": 2e-4, "lr_scheduler_type": "constant", "save_strategy": "no"`
	first, float32s := lossesAt(run(t, small(t, t.TempDir(), args+`}`)))
	for _, more := range []string{``, `, "optim": "adamw_8bit"`} {
		_, bf16 := lossesAt(run(t, small(t, t.TempDir(), args+`, "dtype": "bfloat16"`+more+`}`)))
		t.Logf("loss %.4f, then %.4f in float32, %.4f in bfloat16%s", first, float32s, bf16, more)
		if learnt := (first - bf16) / (first - float32s); !(learnt > 0.95 && learnt < 1.05) {
			t.Errorf("loss %.4f became %.4f in float32 and %.4f in bfloat16%s", first, float32s, bf16, more)
		}
	}
}

// The number of threads changes no bit.
func TestBF16Threads(t *testing.T) {
	one := small(t, t.TempDir(), `{"dtype": "bfloat16", "max_steps": 4}`)
	run(t, one)
	three := small(t, t.TempDir(), `{"dtype": "bfloat16", "max_steps": 4}`)
	three.Device = cpu.New(3)
	run(t, three)
	same(t, outcome(t, three), outcome(t, one))
}

// What is frozen in fewer bits is not trained, and said to be so.
func TestFrozenIsNotTrained(t *testing.T) {
	tr := small(t, t.TempDir(), `{"max_steps": 1}`)
	if err := tr.Model.Freeze("int8"); err != nil {
		t.Fatal(err)
	}
	if _, err := tr.Run(context.Background()); err == nil || !strings.Contains(err.Error(), "is held frozen, in int8") {
		t.Errorf("%v", err)
	}
}

// The room that a checkpoint is said to take is what it takes, but for headers and histories.
func TestCheckpointBytes(t *testing.T) {
	for _, args := range []string{`{}`, `{"optim": "adamw_8bit"}`, `{"dtype": "bfloat16", "optim": "adamw_8bit"}`, `{"save_only_model": true}`} {
		tr := small(t, t.TempDir(), args)
		l, err := tr.prepare(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		tr.Args.MaxSteps = 1
		run(t, tr)
		var took int64
		for _, name := range []string{"model.safetensors", "optimizer.safetensors"} {
			if info, err := os.Stat(filepath.Join(tr.Args.OutputDir, "checkpoint-1", name)); err == nil {
				took += info.Size()
			}
		}
		if said := l.checkpointBytes(); said > took || said < took-took/20-12_000 {
			t.Errorf("%s: a checkpoint takes %d bytes, said to be %d", args, took, said)
		}
	}
}
