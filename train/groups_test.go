package train

import (
	"context"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/hone-ml/hone/compute"
)

// Frozen weights keep their bits, and the first update of the others is as long as their learning rate, which falls
// from block to block.
func TestFreezeAndLayerLRDecay(t *testing.T) {
	tr := small(t, t.TempDir(), `{"max_steps": 1, "warmup_steps": 0, "lr_scheduler_type": "constant", "weight_decay": 0,
		"learning_rate": 0.01, "freeze": ["wpe", "1", "mlp\\.c_fc\\.bias"], "layer_lr_decay": 0.5}`)
	before := map[string]compute.Mat{}
	for _, p := range tr.Model.Params {
		m := compute.NewMat(p.W.Rows, p.W.Cols)
		m.Copy(p.W)
		before[p.Name] = m
	}
	if _, err := tr.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	for _, p := range tr.Model.Params {
		want := 0.01
		switch {
		case strings.Contains(p.Name, "wpe"), strings.Contains(p.Name, "h.0."), strings.Contains(p.Name, "c_fc.bias"):
			want = 0
		case strings.Contains(p.Name, "wte"):
			want /= 8
		case strings.Contains(p.Name, "h.1."):
			want /= 2
		}
		most := 0.0
		for i := range p.W.Rows {
			for j, x := range p.W.Row(i) {
				most = max(most, math.Abs(float64(x-before[p.Name].Row(i)[j])))
			}
		}
		if math.Abs(most-want) > 1e-3*want {
			t.Errorf("%s moves by %g, expected %g", p.Name, most, want)
		}
	}
}

func TestFreezeErrors(t *testing.T) {
	for freeze, want := range map[string]string{"4": "is 4 blocks, but the model has 3", "(": "no regular expression", "lm_hat": "matches none of the trained weights, such as transformer.wte.weight"} {
		tr := small(t, t.TempDir(), `{}`)
		tr.Args.Freeze = []string{freeze}
		if _, err := tr.Run(context.Background()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("freeze %s: %v, expected an error with %q", freeze, err, want)
		}
	}
	tr := newTrainer(t, "llama", json.RawMessage(`{"freeze": ["q_proj"]}`))
	if _, err := tr.Run(context.Background()); err == nil || !strings.Contains(err.Error(), "match all or none") {
		t.Errorf("part of a fused weight: %v", err)
	}
}
