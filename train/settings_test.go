package train

import (
	"strings"
	"testing"

	"github.com/hone-ml/hone/eval"
)

// Resuming with other settings of the model and of pairs is told, as with other arguments.
func TestResumeWithOtherSettings(t *testing.T) {
	start := func(dir, args string, d eval.DPO) (warned string) {
		tr := small(t, dir, args)
		tr.Eval = nil
		tr.Pairs = &Pairs{Rejected: tr.Train, Reference: make([]eval.Logps, len(tr.Train)), DPO: d}
		tr.Hooks = []Hooks{{Warn: func(s string) { warned += s + "\n" }}}
		run(t, tr)
		return warned
	}
	dir := t.TempDir()
	old := eval.DPO{LossType: "sigmoid", Beta: 0.1}
	start(dir, `{"max_steps": 1, "dtype": "bfloat16"}`, old)
	for _, c := range []struct {
		args string
		now  eval.DPO
		want []string
	}{
		{`"dtype": "bfloat16"`, old, nil},
		{`"dtype": "float32"`, old, []string{"dtype was bfloat16 and is now float32"}},
		{`"dtype": "bfloat16"`, eval.DPO{LossType: "robust", Beta: 0.3, LabelSmoothing: 0.2},
			[]string{"loss_type was sigmoid and is now robust", "beta was 0.1 and is now 0.3", "label_smoothing was 0 and is now 0.2"}},
	} {
		warned := start(dir, `{"max_steps": 1, "resume_from_checkpoint": "true", `+c.args+`}`, c.now)
		for _, w := range c.want {
			if !strings.Contains(warned, w) {
				t.Errorf("no warning that %s in %q", w, warned)
			}
		}
		if n := strings.Count(warned, " was "); n != len(c.want) {
			t.Errorf("%d warnings of settings, want %d: %q", n, len(c.want), warned)
		}
	}
}
