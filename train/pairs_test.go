//go:build !f64

package train_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hone-ml/hone/collate"
	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/compute/cpu"
	"github.com/hone-ml/hone/eval"
	"github.com/hone-ml/hone/internal/fixtures"
	"github.com/hone-ml/hone/lora"
	"github.com/hone-ml/hone/model"
	"github.com/hone-ml/hone/nn"
	"github.com/hone-ml/hone/safetensors"
	"github.com/hone-ml/hone/train"
)

func readDPO(t *testing.T, name string, v any) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(fixtures.Dir(t, "dpo"), name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatal(err)
	}
}

// readPairs returns the fixture's pairs of both splits.
func readPairs(t *testing.T) (rows, held []collate.Pair) {
	t.Helper()
	type row struct {
		Prompt   []int32 `json:"prompt_ids"`
		Chosen   []int32 `json:"chosen_ids"`
		Rejected []int32 `json:"rejected_ids"`
	}
	var data struct{ Train, Eval []row }
	readDPO(t, "data.json", &data)
	pairs := func(rows []row) (all []collate.Pair) {
		for _, r := range rows {
			answer := func(ids []int32) (e collate.Example) {
				for _, id := range r.Prompt {
					e.IDs, e.Labels = append(e.IDs, id), append(e.Labels, collate.Ignore)
				}
				return collate.Example{IDs: append(e.IDs, ids...), Labels: append(e.Labels, ids...)}
			}
			all = append(all, collate.Pair{Chosen: answer(r.Chosen), Rejected: answer(r.Rejected)})
		}
		return all
	}
	return pairs(data.Train), pairs(data.Eval)
}

func loadModel(t *testing.T, name string) *model.Model {
	t.Helper()
	m, err := model.Load(fixtures.Dir(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// trainPairs runs TRL's run of that name, from a checkpoint if resume says so, to an update at which it is cancelled.
func trainPairs(t *testing.T, name, dir, resume string, stop int) (*train.State, []train.Row, string) {
	t.Helper()
	var run struct {
		Args json.RawMessage
		Log  []train.Row `json:"log_history"`
	}
	readDPO(t, name+".json", &run)
	var dpo struct {
		Beta      float64
		LossType  string  `json:"loss_type"`
		Smoothing float64 `json:"label_smoothing"`
	}
	args := train.Defaults()
	for _, v := range []any{&args, &dpo} {
		if err := json.Unmarshal(run.Args, v); err != nil {
			t.Fatal(err)
		}
	}
	args.OutputDir, args.ResumeFromCheckpoint = dir, train.Resume(resume)
	m := loadModel(t, name)
	device := cpu.New(0)
	rows, held := readPairs(t)
	ref := func(pairs []collate.Pair) []eval.Logps {
		l, err := eval.PairLogps(context.Background(), m.NewRun(device), pairs, nil)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	p := &train.Pairs{Reference: ref(rows), DPO: eval.DPO{LossType: dpo.LossType, Beta: dpo.Beta, LabelSmoothing: dpo.Smoothing}}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	tr := &train.Trainer{Model: m, Args: args, Device: device, Pairs: p,
		Eval: &eval.Preference{Pairs: held, Reference: ref(held), DPO: p.DPO, BatchSize: args.PerDeviceEvalBatchSize},
		Hooks: []train.Hooks{{Step: func(p train.Progress) error {
			if p.Step == stop {
				cancel()
			}
			return nil
		}}}}
	for _, r := range rows {
		tr.Train, p.Rejected = append(tr.Train, r.Chosen), append(p.Rejected, r.Rejected)
	}
	file := "model.safetensors"
	if name == "llama" {
		a, err := lora.Load(filepath.Join(fixtures.Dir(t, "lora-trainer/llama"), "start"), m)
		if err != nil {
			t.Fatal(err)
		}
		tr.Trainable, tr.Save, tr.Load, file = a.Trainable, a.Save, a.LoadWeights, lora.WeightsFile
	}
	s, err := tr.Run(ctx)
	if (err != nil) != (stop > 0) {
		t.Fatal(err)
	}
	return s, run.Log, filepath.Join(dir, file)
}

// Twenty steps have the losses, the norms of gradients and the rewards of TRL's DPOTrainer: all of GPT-2 trained on the
// sigmoid loss, an adapter of Llama on the robust one.
func TestPairsEqualTRL(t *testing.T) {
	for _, name := range []string{"gpt2", "llama"} {
		s, want, _ := trainPairs(t, name, t.TempDir(), "", 0)
		if len(s.LogHistory) != len(want) {
			t.Fatalf("%d rows in log_history, reference %d", len(s.LogHistory), len(want))
		}
		for i, w := range want {
			for k, x := range w {
				if strings.Contains(k, "num_tokens") || strings.Contains(k, "token_accuracy") || strings.Contains(k, "runtime") || strings.Contains(k, "_per_second") || k == "total_flos" {
					continue
				}
				g, ok := s.LogHistory[i][k]
				if !ok || math.Abs(g-x) > 2e-4*math.Abs(x)+1e-4 {
					t.Errorf("%s step %v: %s is %v, reference %v", name, w["step"], k, g, x)
				}
			}
		}
	}
}

// A run on pairs that is cut and resumed logs and ends as the unbroken one.
func TestPairsResume(t *testing.T) {
	whole, _, weights := trainPairs(t, "gpt2", t.TempDir(), "", 0)
	want, err := os.ReadFile(weights)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	trainPairs(t, "gpt2", dir, "", 7)
	resumed, _, weights := trainPairs(t, "gpt2", dir, "true", 0)
	got, err := os.ReadFile(weights)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Error("the resumed run ends with other weights")
	}
	for i, row := range whole.LogHistory {
		for k, v := range row {
			if (strings.HasPrefix(k, "rewards") || k == "loss") && resumed.LogHistory[i][k] != v {
				t.Errorf("row %d: %s is %v after resuming, %v without", i, k, resumed.LogHistory[i][k], v)
			}
		}
	}
}

// The loss of a batch, its rewards and its gradients are TRL's, for every loss_type.
func TestPairLossesEqualTRL(t *testing.T) {
	f, err := safetensors.Open(filepath.Join(fixtures.Dir(t, "dpo"), "losses.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	floats := func(name string) []float32 {
		info, ok := f.Info(name)
		if !ok {
			return nil
		}
		v := make([]float32, info.Elements())
		if err := f.ReadFloat32(v, name); err != nil {
			t.Fatal(err)
		}
		return v
	}
	_, held := readPairs(t)
	held = held[:5]
	ref := make([]eval.Logps, len(held))
	var chosen, rejected []collate.Example
	for i, p := range held {
		answer := func(e collate.Example) (n float64) {
			for _, y := range e.Labels {
				if y != collate.Ignore {
					n++
				}
			}
			return n
		}
		ref[i] = eval.Logps{Chosen: -5*answer(p.Chosen) + float64(i), Rejected: -5*answer(p.Rejected) - float64(i)}
		chosen, rejected = append(chosen, p.Chosen), append(rejected, p.Rejected)
	}
	var b collate.Batch
	collate.Pack(&b, append(chosen, rejected...))
	for kind, smoothing := range map[string]float64{"sigmoid": 0, "hinge": 0, "ipo": 0, "robust": 0.2} {
		d := eval.DPO{LossType: kind, Beta: 0.3, LabelSmoothing: smoothing}
		m := loadModel(t, "gpt2")
		r := m.NewRun(compute.Ref{})
		r.Grads = m.NewGrads(nil, len(b.Targets))
		nll, logps := make([]nn.Float, len(b.Targets)), make([]eval.Logps, len(held))
		var loss float64
		r.Weighted(nll, &b, func(scale []nn.Float) {
			eval.SumLogps(logps, &b, nll)
			for i := range scale {
				k := int(b.Of[i])
				_, c, j := d.Loss(logps[k%len(held)], ref[k%len(held)])
				if scale[i] = nn.Float(-c / 5); k >= len(held) {
					scale[i] = nn.Float(-j / 5)
				}
			}
			for i := range logps {
				l, _, _ := d.Loss(logps[i], ref[i])
				loss += l / 5
			}
		})
		r.Grads.Finish()
		near := func(what string, got, want float64, top float64) {
			if !(math.Abs(got-want) <= 2e-4*top) {
				t.Errorf("%s %s is %v, reference %v", kind, what, got, want)
			}
		}
		near("loss", loss, float64(floats(kind + ".loss")[0]), math.Abs(loss))
		rewards := map[string]float64{}
		d.Rewards(logps, ref).Add(rewards)
		for k, v := range rewards {
			near(k, v, float64(floats(kind + "." + k)[0]), math.Abs(v)+1e-3)
		}
		n := 0
		for _, tensor := range m.Tensors() {
			want := floats(fmt.Sprintf("%s.grad.%s", kind, tensor.Name))
			if want == nil {
				continue
			}
			n++
			var got []nn.Float
			r.Grads.Blocks(compute.Ref{}, tensor.P.Index, tensor.P, func(_, _ int, g compute.Mat) {
				for i := range g.Rows {
					got = append(got, g.Row(i)...)
				}
			})
			top, rows := 0.0, tensor.Shape()
			for _, w := range want {
				top = max(top, math.Abs(float64(w)))
			}
			for i, w := range want {
				at := i
				if tensor.Transpose {
					at = i%rows[1]*rows[0] + i/rows[1]
				}
				if math.Abs(float64(got[at])-float64(w)) > 2e-4*top+1e-6 {
					near("gradient of "+tensor.Name, float64(got[at]), float64(w), top)
					break
				}
			}
		}
		if all := len(m.Tensors()); n != map[bool]int{true: all, false: 2}[kind == "sigmoid"] {
			t.Errorf("%s: compared %d of %d gradients", kind, n, all)
		}
	}
}
