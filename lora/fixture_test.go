package lora

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hone-ml/hone/collate"
	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/internal/fixtures"
	"github.com/hone-ml/hone/model"
	"github.com/hone-ml/hone/nn"
	"github.com/hone-ml/hone/safetensors"
)

var bases = []string{"gpt2", "llama", "qwen2"}

// adapters are the fixtures named after their bases.
var adapters = []string{"lora-gpt2", "lora-llama", "lora-qwen2", "dora-gpt2", "dora-llama"}

// A fixture is what PEFT computed with one adapter.
type fixture struct {
	t *testing.T
	f *safetensors.File
}

func open(t *testing.T, path string) fixture {
	t.Helper()
	f, err := safetensors.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return fixture{t, f}
}

func (x fixture) floats(name string) []float32 {
	x.t.Helper()
	return fixtures.Floats[float32](x.t, x.f, name)
}

func (x fixture) ints(name string) []int64 {
	x.t.Helper()
	info, _ := x.f.Info(name)
	v := make([]int64, info.Elements())
	if err := x.f.ReadInt64(v, name); err != nil {
		x.t.Fatal(err)
	}
	return v
}

// examples returns the fixture's batch without its padding.
func (x fixture) examples() (ex []collate.Example, width int) {
	ids, labels, lengths := x.ints("input_ids"), x.ints("labels"), x.ints("lengths")
	width = len(ids) / len(lengths)
	for s, n := range lengths {
		var e collate.Example
		for j := range int(n) {
			e.IDs = append(e.IDs, int32(ids[s*width+j]))
			e.Labels = append(e.Labels, int32(labels[s*width+j]))
		}
		ex = append(ex, e)
	}
	return ex, width
}

// near fails unless got is within 1e-4 of want, relative to the largest element.
func near(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d elements, reference %d", what, len(got), len(want))
	}
	var top, diff float64
	for i, w := range want {
		top = max(top, math.Abs(float64(w)))
		diff = max(diff, math.Abs(float64(got[i])-float64(w)))
	}
	if !(diff <= 1e-4*max(top, 1e-6)) {
		t.Errorf("%s: differs from the reference by %.3g of at most %.3g", what, diff, top)
	}
}

func base(t *testing.T, name string) *model.Model {
	t.Helper()
	m, err := model.Load(fixtures.Dir(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func load(t *testing.T, name string) (*model.Model, *Adapter) {
	t.Helper()
	m := base(t, name[len("lora-"):])
	a, err := Load(fixtures.Dir(t, name), m)
	if err != nil {
		t.Fatal(err)
	}
	return m, a
}

// logits returns the scores of every token of each example.
func logits(m *model.Model, ex []collate.Example) (all [][]float32) {
	r := m.NewRun(compute.Ref{})
	for _, e := range ex {
		s := nn.Seqs{Cu: []int32{0, int32(len(e.IDs))}}
		for j := range e.IDs {
			s.Pos = append(s.Pos, int32(j))
		}
		var v []float32
		for _, x := range r.Logits(r.Hidden(e.IDs, s, nil, nil)).Flat() {
			v = append(v, float32(x))
		}
		all = append(all, v)
	}
	return all
}

func TestLogitsEqualPEFT(t *testing.T) {
	for _, name := range adapters {
		t.Run(name, func(t *testing.T) {
			m, a := load(t, name)
			x := open(t, filepath.Join(fixtures.Dir(t, name), "fixture.safetensors"))
			ex, width := x.examples()
			want, v := x.floats("logits"), m.Config.VocabSize
			compare := func(what string) {
				for i, got := range logits(m, ex) {
					near(t, fmt.Sprintf("%s logits of sequence %d", what, i), got, want[i*width*v:][:len(got)])
				}
			}
			compare("adapted")
			a.Freeze(compute.Ref{})
			compare("frozen")
			if err := a.Merge(); err != nil {
				t.Fatal(err)
			}
			compare("merged")
			for _, tensor := range m.Tensors() {
				if _, ok := x.f.Info("merged." + tensor.Name); ok {
					near(t, "merged "+tensor.Name, stored(tensor, tensor.P.W), x.floats("merged."+tensor.Name))
				}
			}
			if n := int64(m.Config.NumParams()); m.NumParams() != n {
				t.Errorf("%d weights after merging, %d without an adapter", m.NumParams(), n)
			}
		})
	}
}

// stored returns the tensor's part of w, a matrix as its parameter, in the order of the file.
func stored(t model.Tensor, w compute.Mat) (v []float32) {
	m := t.View(w)
	if !t.Transpose {
		for i := range m.Rows {
			for _, x := range m.Row(i) {
				v = append(v, float32(x))
			}
		}
		return v
	}
	for j := range m.Cols {
		for i := range m.Rows {
			v = append(v, float32(m.Row(i)[j]))
		}
	}
	return v
}

func TestLossAndGradientsEqualPEFT(t *testing.T) {
	for _, name := range adapters {
		t.Run(name, func(t *testing.T) {
			m, a := load(t, name)
			x := open(t, filepath.Join(fixtures.Dir(t, name), "fixture.safetensors"))
			ex, _ := x.examples()
			var b collate.Batch
			collate.Pack(&b, ex)
			r := m.NewRun(compute.Ref{})
			r.Grads = nn.NewGrads(m.Params, a.Trainable)
			n := float64(len(b.Targets))
			loss := r.Loss(&b, 0, 1/n) / n
			r.Grads.Finish()
			near(t, "loss", []float32{float32(loss)}, x.floats("loss"))
			for _, tensor := range a.tensors {
				near(t, "gradient of "+tensor.Name, stored(tensor, r.Grads.G[tensor.P.Index]), x.floats("grad."+tensor.Name))
			}
			if want := 4 * a.NumParams(); r.Grads.Bytes() != want {
				t.Errorf("%d bytes of gradients, expected those of the adapter alone, %d", r.Grads.Bytes(), want)
			}
		})
	}
}

// What is saved is, byte for byte, what PEFT saved.
func TestSavedFilesEqualPEFT(t *testing.T) {
	for _, name := range adapters {
		t.Run(name, func(t *testing.T) {
			_, a := load(t, name)
			dir := t.TempDir()
			if err := a.Save(dir); err != nil {
				t.Fatal(err)
			}
			for _, file := range []string{WeightsFile, ConfigFile} {
				got, err := os.ReadFile(filepath.Join(dir, file))
				if err != nil {
					t.Fatal(err)
				}
				want, err := os.ReadFile(filepath.Join(fixtures.Dir(t, name), file))
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got, want) {
					t.Errorf("%s differs from PEFT's", file)
				}
			}
		})
	}
}

// A new adapter has PEFT's tensors and settings, and changes nothing yet.
func TestAttachAsPEFT(t *testing.T) {
	configs := map[string]func(*Config){
		"lora-gpt2":  func(c *Config) { c.R = 4 },
		"lora-llama": func(c *Config) { c.R, c.Alpha, c.UseRSLoRA, c.TargetModules.Regex = 3, 16, true, "ALL-linear" },
		"lora-qwen2": func(c *Config) { c.TargetModules.Regex = AllLinear },
		"dora-gpt2":  func(c *Config) { c.R, c.UseDoRA, c.TargetModules.List = 4, true, []string{"c_attn", "c_fc"} },
		"dora-llama": func(c *Config) {
			c.R, c.Alpha, c.UseDoRA, c.TargetModules.List = 3, 6, true, []string{"o_proj", "q_proj", "up_proj", "v_proj"}
		},
	}
	for _, name := range adapters {
		t.Run(name, func(t *testing.T) {
			of := name[len("lora-"):]
			m := base(t, of)
			c := Defaults()
			c.BaseModel = "hone/" + of
			configs[name](&c)
			ex, _ := open(t, filepath.Join(fixtures.Dir(t, name), "fixture.safetensors")).examples()
			before := logits(m, ex)
			a, err := Attach(m, c, 1)
			if err != nil {
				t.Fatal(err)
			}
			if after := logits(m, ex); !slices.EqualFunc(before, after, slices.Equal) {
				t.Error("a new adapter changes the logits")
			}
			dir := t.TempDir()
			if err := a.Save(dir); err != nil {
				t.Fatal(err)
			}
			got, want := open(t, filepath.Join(dir, WeightsFile)).f, open(t, filepath.Join(fixtures.Dir(t, name), WeightsFile)).f
			if !slices.Equal(got.Names(), want.Names()) {
				t.Fatalf("tensors %q, PEFT's %q", got.Names(), want.Names())
			}
			for _, tensor := range want.Names() {
				g, _ := got.Info(tensor)
				w, _ := want.Info(tensor)
				if !slices.Equal(g.Shape, w.Shape) {
					t.Errorf("%s is %v, PEFT's %v", tensor, g.Shape, w.Shape)
				}
			}
			mine, err := LoadConfig(dir)
			if err != nil {
				t.Fatal(err)
			}
			theirs, err := LoadConfig(fixtures.Dir(t, name))
			if err != nil {
				t.Fatal(err)
			}
			if of == "gpt2" {
				theirs.Alpha = 8
			}
			a1, _ := entries(&mine)
			a2, _ := entries(&theirs)
			if !maps.EqualFunc(a1, a2, func(x, y json.RawMessage) bool { return bytes.Equal(x, y) }) {
				t.Errorf("config %s\nPEFT's %s", a1, a2)
			}
		})
	}
}

func TestDraw(t *testing.T) {
	for _, init := range []Init{"true", "false", "gaussian"} {
		m := base(t, "llama")
		c := Defaults()
		c.InitWeights = init
		a, err := Attach(m, c, 7)
		if err != nil {
			t.Fatal(err)
		}
		var sum [2]float64
		var n [2]int
		for _, tensor := range a.tensors {
			i := 0
			if strings.Contains(tensor.Name, "lora_B") {
				i = 1
			}
			for _, x := range tensor.P.W.Flat() {
				sum[i] += float64(x) * float64(x)
				n[i]++
			}
		}
		got := [2]float64{math.Sqrt(sum[0] / float64(n[0])), math.Sqrt(sum[1] / float64(n[1]))}
		uniform := func(in float64) float64 { return 1 / math.Sqrt(3*in) }
		want := map[Init][2]float64{"true": {uniform(32), 0}, "false": {uniform(32), uniform(8)}, "gaussian": {1. / 8, 0}}[init]
		for i := range want {
			if math.Abs(got[i]-want[i]) > 0.06*want[i] {
				t.Errorf("%s: matrix %d has root mean square %g, expected %g", init, i, got[i], want[i])
			}
		}
	}
}
