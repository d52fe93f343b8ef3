package checkpoint

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/internal/fixtures"
	"github.com/hone-ml/hone/nn"
	"github.com/hone-ml/hone/optim"
)

// optimizer returns moments that differ everywhere; names are the trained weights.
func optimizer(names ...string) *optim.AdamW {
	var params []*nn.Param
	for i, name := range []string{"wte", "bias", "head"} {
		params = append(params, &nn.Param{Name: name, Index: i, W: compute.NewMat(2, 3)})
	}
	o := optim.NewAdamW(compute.Ref{}, params, nn.NewGrads(params, func(p *nn.Param) bool { return slices.Contains(names, p.Name) }))
	x := compute.Float(0)
	for _, ms := range [][]compute.Mat{o.M, o.V} {
		for _, m := range ms {
			for i := range m.Flat() {
				x++
				m.Flat()[i] = 1 / x
			}
		}
	}
	o.Step = 7
	return o
}

// made makes a checkpoint of a step in output.
func made(t *testing.T, output string, step int) string {
	t.Helper()
	dir, err := Write(output, Content{State: &State{GlobalStep: step}, Args: map[string]int{"seed": 42},
		Position:  &Position{Version: Version, Examples: 3, LossSum: Float(math.NaN())},
		Optimizer: optimizer("wte", "head"),
		Save: func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "model.safetensors"), make([]byte, 100), 0o666)
		}})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestWriteLoad(t *testing.T) {
	output := filepath.Join(t.TempDir(), "out")
	dir := made(t, output, 30)
	if dir != filepath.Join(output, "checkpoint-30") {
		t.Fatalf("written to %s", dir)
	}
	s, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if s.State.GlobalStep != 30 || s.Position.Examples != 3 || !math.IsNaN(float64(s.Position.LossSum)) || !strings.Contains(string(s.Args), `"seed": 42`) {
		t.Errorf("loaded %+v, %+v, %s", s.State, s.Position, s.Args)
	}
	want, got := optimizer("wte", "head"), optimizer("wte", "head")
	for _, ms := range [][]compute.Mat{got.M, got.V} {
		for _, m := range ms {
			m.Zero()
		}
	}
	got.Step = 0
	if err := s.LoadOptimizer(got); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want.M, got.M) + cmp.Diff(want.V, got.V); d != "" || got.Step != 7 {
		t.Errorf("step %d, moments %s", got.Step, d)
	}
	for _, names := range [][]string{{"wte"}, {"wte", "bias"}, {"wte", "bias", "head"}} {
		if err := s.LoadOptimizer(optimizer(names...)); err == nil || !strings.Contains(err.Error(), "train the same") {
			t.Errorf("moments of wte and head loaded for %v: %v", names, err)
		}
	}
	if err := os.Remove(filepath.Join(dir, optimizerFile)); err != nil {
		t.Fatal(err)
	}
	if err := s.LoadOptimizer(got); !errors.Is(err, ErrNoMoments) {
		t.Errorf("without the file: %v", err)
	}
}

func TestFailedSaveLeavesOldCheckpoint(t *testing.T) {
	output := t.TempDir()
	dir := made(t, output, 5)
	broken := errors.New("no")
	_, err := Write(output, Content{State: &State{GlobalStep: 5}, Save: func(tmp string) error {
		os.WriteFile(filepath.Join(tmp, "model.safetensors"), nil, 0o666)
		return broken
	}})
	if !errors.Is(err, broken) || Check(dir) != nil {
		t.Errorf("%v; %v", err, Check(dir))
	}
	if entries, _ := os.ReadDir(output); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
	if _, err := Write(output, Content{State: &State{GlobalStep: 6}, Bytes: math.MaxInt64}); err == nil || !strings.Contains(err.Error(), "not enough disk space") {
		t.Errorf("a checkpoint larger than the disk: %v", err)
	}
}

func TestLastSkipsBroken(t *testing.T) {
	output := t.TempDir()
	if dir, err := Last(filepath.Join(output, "none")); dir != "" || err != nil {
		t.Errorf("Last of no folder: %q, %v", dir, err)
	}
	for _, n := range []int{5, 9, 10, 100} {
		made(t, output, n)
	}
	for _, name := range []string{"checkpoint-", "checkpoint-7x", "checkpoint-0200", "checkpoint-300.tmp-0123456789abcdef"} {
		if err := os.Mkdir(filepath.Join(output, name), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(output, "checkpoint-999"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if steps, err := Steps(output); err != nil || !slices.Equal(steps, []int{5, 9, 10, 100}) {
		t.Errorf("steps %v, %v", steps, err)
	}
	breaks := []func(dir string) error{
		func(dir string) error { return os.Truncate(filepath.Join(dir, "model.safetensors"), 50) },
		func(dir string) error { return os.Remove(filepath.Join(dir, optimizerFile)) },
		func(dir string) error { return os.RemoveAll(dir) },
	}
	for i, want := range []int{100, 10, 9, 5} {
		dir, err := Last(output)
		if err != nil || dir != Dir(output, want) {
			t.Fatalf("last is %q, %v; want %d", dir, err, want)
		}
		if i < len(breaks) {
			if err := breaks[i](dir); err != nil {
				t.Fatal(err)
			}
			if i < 2 {
				if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), "not whole") {
					t.Errorf("a broken checkpoint loads: %v", err)
				}
			}
		}
	}
}

func TestRotate(t *testing.T) {
	for _, c := range []struct {
		limit, newest, best int
		want                []int
	}{
		{2, 10, 0, []int{9, 10}}, {2, 10, 5, []int{5, 10}}, {1, 10, 5, []int{5, 10}}, {1, 10, 10, []int{10}}, {3, 10, 4, []int{4, 9, 10}},
		{9, 10, 4, []int{4, 5, 9, 10}}, {1, 10, 77, []int{10}},
		{2, 5, 0, []int{4, 5}}, {3, 5, 0, []int{4, 5, 10}}, {1, 5, 10, []int{5, 10}},
	} {
		output := t.TempDir()
		for _, n := range []int{10, 4, 9, 5} {
			if err := os.Mkdir(Dir(output, n), 0o777); err != nil {
				t.Fatal(err)
			}
		}
		best := ""
		if c.best > 0 {
			best = Dir(output, c.best)
		}
		if err := Rotate(output, c.limit, c.newest, best); err != nil {
			t.Fatal(err)
		}
		if got, _ := Steps(output); !slices.Equal(got, c.want) {
			t.Errorf("limit %d, newest %d, best %d: left %v, want %v", c.limit, c.newest, c.best, got, c.want)
		}
	}
}

// What Python wrote comes back byte for byte.
func TestStateRoundTrip(t *testing.T) {
	for _, name := range []string{"gpt2", "llama"} {
		b, err := os.ReadFile(filepath.Join(fixtures.Dir(t, "trainer/"+name), "trainer_state.json"))
		if err != nil {
			t.Fatal(err)
		}
		s, err := ParseState(b)
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{"should_epoch_stop", "should_training_stop"} {
			if !strings.Contains(string(b), key) {
				t.Errorf("%s: no %s", name, key)
			}
		}
		if d := cmp.Diff(string(b), string(s.Bytes())); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func TestStateOfPython(t *testing.T) {
	s, err := ParseState([]byte(`{"best_metric": Infinity, "eval_steps": 10.0, "logging_steps": 1, "trial_params": {"lr": 1},
		"log_history": [{"loss": NaN, "note \" NaN": "NaN and Infinity", "eval_loss": -Infinity, "step": 3}]}`))
	if err != nil {
		t.Fatal(err)
	}
	row := s.LogHistory[0]
	if !math.IsInf(*s.BestMetric, 1) || s.EvalSteps != 10 || !math.IsNaN(row["loss"]) || !math.IsInf(row["eval_loss"], -1) || len(row) != 3 {
		t.Errorf("parsed %+v", s)
	}
}

func TestMarshalAsPython(t *testing.T) {
	type inner struct {
		B []int          `json:"b"`
		A map[string]any `json:"a"`
		C *int           `json:"c"`
	}
	got := string(Marshal([]any{inner{A: map[string]any{}}, Row{"step": 3, "loss": 5, "epoch": 0.1}, "ä\n\"\U0001F600\x7f", math.NaN(), math.Inf(-1), true}, 2))
	want := "[\n  {\n    \"a\": {},\n    \"b\": [],\n    \"c\": null\n  },\n  {\n    \"epoch\": 0.1,\n    \"loss\": 5.0,\n    \"step\": 3\n  },\n" +
		"  \"\\u00e4\\n\\\"\\ud83d\\ude00\\u007f\",\n  NaN,\n  -Infinity,\n  true\n]"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for f, want := range map[float64]string{5: "5.0", 5e-5: "5e-05", 1e-4: "0.0001", 1e15: "1000000000000000.0", 1e16: "1e+16", 1.5e300: "1.5e+300", 0: "0.0", -0.1: "-0.1"} {
		if got := Repr(f); got != want {
			t.Errorf("Repr(%g) = %s, Python %s", f, got, want)
		}
	}
}

func TestHostileFiles(t *testing.T) {
	for name, c := range map[string]struct{ content, want string }{
		manifestFile: {`{"files": {"../secret": 1}}`, "not in its folder"},
		stateFile:    {`{"global_step": -1}`, "global_step is -1"},
		positionFile: {`{"version": 1, "draws": 9000000000000000000}`, "draws"},
	} {
		dir := made(t, t.TempDir(), 1)
		if name != manifestFile {
			if err := os.Remove(filepath.Join(dir, manifestFile)); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(c.content), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
}

func FuzzParseState(f *testing.F) {
	f.Add([]byte(`{"best_metric": Infinity, "log_history": [{"loss": NaN, "step": 3}], "stateful_callbacks": {"a": {}}}`))
	f.Add([]byte(`{"log_history": null, "trial_params": [1, {"x": "NaN"}]}`))
	f.Add([]byte(`["NaN\`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := ParseState(b)
		if err != nil {
			return
		}
		again, err := ParseState(s.Bytes())
		if err != nil {
			t.Fatalf("what was read does not come back: %v\n%s", err, s.Bytes())
		}
		if string(again.Bytes()) != string(s.Bytes()) {
			t.Fatalf("%s\nbecomes\n%s", s.Bytes(), again.Bytes())
		}
	})
}

func FuzzPosition(f *testing.F) {
	f.Add([]byte(`{"version": 1, "loss_sum": NaN, "plateau": {"lr": 1e-4}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var p Position
		if unmarshal(b, &p) == nil {
			p.check(&State{})
		}
	})
}
