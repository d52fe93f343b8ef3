package optim

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/internal/fixtures"
	"github.com/hone-ml/hone/nn"
)

func TestSchedulesEqualReference(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(fixtures.Dir(t, "."), "schedules.json"))
	if err != nil {
		t.Fatal(err)
	}
	var f struct {
		Schedules []struct {
			Name    string         `json:"lr_scheduler_type"`
			Warmup  int            `json:"warmup_steps"`
			Total   int            `json:"max_steps"`
			LR      float64        `json:"learning_rate"`
			Kwargs  map[string]any `json:"lr_scheduler_kwargs"`
			Metrics []float64
			Rates   []float64
		}
	}
	if err := json.Unmarshal(b, &f); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, c := range f.Schedules {
		s, err := NewSchedule(c.Name, c.LR, c.Warmup, c.Total, c.Kwargs)
		if err != nil {
			t.Error(err)
			continue
		}
		seen[c.Name] = true
		for step, want := range c.Rates {
			if got := s.Rate(step); math.Abs(got-want) > 1e-15 {
				t.Errorf("%s %v: rate after %d updates is %v, reference %v", c.Name, c.Kwargs, step, got, want)
				break
			}
			if step < len(c.Metrics) {
				s.Plateau.Observe(c.Metrics[step])
			}
		}
	}
	for _, name := range Schedules {
		if !seen[name] {
			t.Errorf("no fixture of %s", name)
		}
	}
}

func TestScheduleFaults(t *testing.T) {
	for _, c := range []struct {
		name   string
		kwargs map[string]any
		want   string
	}{
		{"linera", nil, "linear, cosine"},
		{"cosine", map[string]any{"cycles": 1.0}, "takes num_cycles"},
		{"linear", map[string]any{"power": 1.0}, "takes none"},
		{"cosine", map[string]any{"num_cycles": "two"}, "expected a number"},
		{"cosine_with_min_lr", nil, "min_lr_rate"},
		{"cosine_with_min_lr", map[string]any{"min_lr": 1e-5, "min_lr_rate": 0.1}, "one of"},
		{"warmup_stable_decay", nil, "num_decay_steps is required"},
		{"warmup_stable_decay", map[string]any{"num_decay_steps": 3, "decay_type": "exp"}, "1-sqrt"},
		{"polynomial", map[string]any{"lr_end": 1.0}, "smaller than learning_rate"},
		{"reduce_lr_on_plateau", map[string]any{"factor": 1.5}, "less than 1"},
	} {
		_, err := NewSchedule(c.name, 1e-3, 5, 50, c.kwargs)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %v: error %v, want one that says %q", c.name, c.kwargs, err, c.want)
		}
	}
}

func TestAdamW(t *testing.T) {
	mat := func(v ...compute.Float) compute.Mat {
		return compute.Mat{Rows: 1, Cols: len(v), Stride: len(v), Data: v}
	}
	params := []*nn.Param{
		{Name: "matrix", Index: 0, W: mat(1, -2)},
		{Name: "frozen", Index: 1, W: mat(7)},
		{Name: "bias", Index: 2, W: mat(3), Vector: true},
	}
	grads := nn.NewGrads(params, func(p *nn.Param) bool { return p.Name != "frozen" })
	o := NewAdamW(compute.Ref{}, params, grads)
	o.Beta1, o.Beta2, o.Eps, o.WeightDecay = 0.9, 0.999, 1e-8, 0.5
	copy(grads.G[0].Data, []compute.Float{3, 0})
	copy(grads.G[2].Data, []compute.Float{4})
	if n := o.Norm(); n != 5 {
		t.Errorf("norm %v, want 5", n)
	}
	o.Update(0.1, Clip(5, 1))
	// The first update moves by lr·sign(g) after decay by 1 − lr·0.5.
	near := func(got compute.Float, want float64) bool { return math.Abs(float64(got)-want) < 1e-6 }
	if w := params[0].W.Data; !near(w[0], 0.95-0.1) || !near(w[1], -1.9) {
		t.Errorf("matrix %v, want [0.85 -1.9]", w)
	}
	if w := params[2].W.Data; !near(w[0], 2.9) {
		t.Errorf("bias %v, want 2.9: it does not decay", w)
	}
	if params[1].W.Data[0] != 7 || !o.M[1].Empty() || len(o.Params()) != 2 {
		t.Error("the frozen parameter has changed or has moments")
	}
	if m := o.M[0].Data[0]; !near(m, 0.1*3/5) {
		t.Errorf("first moment %v of the clipped gradient, want 0.06", m)
	}
}

func TestClip(t *testing.T) {
	for _, c := range []struct{ norm, most, want float64 }{{0.5, 1, 1}, {2, 1, 1 / (2 + 1e-6)}, {1e9, 0, 1}} {
		if got := Clip(c.norm, c.most); got != c.want {
			t.Errorf("Clip(%v, %v) = %v, want %v", c.norm, c.most, got, c.want)
		}
	}
	if got := Clip(math.NaN(), 1); !math.IsNaN(got) {
		t.Errorf("Clip of NaN is %v; the reference passes it on", got)
	}
}
