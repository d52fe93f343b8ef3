package sweep

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func axis(t *testing.T, name, text string) Axis {
	t.Helper()
	a, err := ParseAxis(name, text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestGridTriesEveryCombination(t *testing.T) {
	all, err := Grid([]Axis{axis(t, "learning_rate", "1e-5,3e-5"), axis(t, "weight_decay", "0, 0.1,0.2")})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range all {
		got = append(got, s["learning_rate"]+" "+s["weight_decay"])
	}
	if want := []string{"1e-5 0", "1e-5 0.1", "1e-5 0.2", "3e-5 0", "3e-5 0.1", "3e-5 0.2"}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if _, err := Grid([]Axis{axis(t, "learning_rate", "1e-5..1e-3")}); err == nil || !strings.Contains(err.Error(), "--trials") {
		t.Errorf("a grid of a range: %v", err)
	}
	long := Axis{Name: "x", Values: make([]string, 200)}
	if _, err := Grid([]Axis{long, long, long}); err == nil {
		t.Error("8 million settings")
	}
}

func TestRandomDrawsWithinRangesWithoutRepeating(t *testing.T) {
	axes := []Axis{axis(t, "learning_rate", "1e-5..1e-3"), axis(t, "weight_decay", "0..0.1"), axis(t, "optim", "a,b")}
	axes = append(axes, Axis{Name: "lora_r", Range: &Range{Low: 1, High: 4, Whole: true}})
	if !axes[0].Range.Log || axes[1].Range.Log {
		t.Error("which range is logarithmic is wrong")
	}
	all, err := Random(axes, 200, 7)
	if err != nil || len(all) != 200 {
		t.Fatalf("%d settings, %v", len(all), err)
	}
	seen := map[string]bool{}
	below := 0
	for _, s := range all {
		var lr, decay float64
		var r int
		fmt.Sscan(s["learning_rate"], &lr)
		fmt.Sscan(s["weight_decay"], &decay)
		if _, err := fmt.Sscan(s["lora_r"], &r); err != nil || lr < 1e-5 || lr > 1e-3 || decay < 0 || decay > 0.1 || r < 1 || r > 4 || seen[s.key()] {
			t.Fatalf("%v", s)
		}
		seen[s.key()] = true
		if lr < 1e-4 {
			below++
		}
	}
	if below < 70 || below > 130 {
		t.Errorf("%d of 200 in the lower decade", below)
	}
	fewer, _ := Random(axes, 50, 7)
	for i := range fewer {
		if fewer[i].key() != all[i].key() {
			t.Fatal("the first settings depend on their number")
		}
	}
	if few, _ := Random([]Axis{axis(t, "optim", "a,b")}, 10, 1); len(few) != 2 {
		t.Errorf("%d of 2 settings", len(few))
	}
}

func TestMistakesOfAxes(t *testing.T) {
	for _, text := range []string{"", "1,,2", "1,1", "2..1", "1..1", "a..b", "1..", "..", "0..Inf", "NaN..1"} {
		if a, err := ParseAxis("x", text); err == nil {
			t.Errorf("%q is taken as %+v", text, a)
		}
	}
}

// The numbers come from integrals of Student's density and from sums of binomial coefficients, in 40 digits (mpmath).
func TestStatistics(t *testing.T) {
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-9*math.Max(1, math.Abs(want)) {
			t.Errorf("%s is %.15g; expected %.15g", what, got, want)
		}
	}
	near("tails(0.5, 1)", tails(0.5, 1), 0.704832764699133)
	near("tails(2.5, 3.7)", tails(2.5, 3.7), 0.0718220229118268)
	near("tails(1.96, 1000)", tails(1.96, 1000), 0.0502731849557487)
	near("tails(12, 2)", tails(12, 2), 0.00687293367715846)
	near("tails(0.01, 30)", tails(0.01, 30), 0.992087492573178)
	near("quantile975(1)", quantile975(1), 12.7062047361747)
	near("quantile975(2)", quantile975(2), 4.30265272974946)
	near("quantile975(4.5)", quantile975(4.5), 2.6589123472044)
	near("quantile975(30)", quantile975(30), 2.04227245630124)
	near("welch", welch([]float64{0.86, 0.87, 0.855}, []float64{0.84, 0.85, 0.845}), 0.041914517471454)
	near("welch", welch([]float64{1.0, 2.0}, []float64{1.5, 1.6, 1.4, 1.7}), 0.936666919276607)
	near("signTest(3, 20)", signTest(3, 20), 0.00257682800292969)
	near("signTest(17, 20)", signTest(17, 20), 0.00257682800292969)
	near("signTest(0, 6)", signTest(0, 6), 0.03125)
	near("signTest(40, 100)", signTest(40, 100), 0.0568879336409808)
	near("signTest(400, 1000)", signTest(400, 1000), 2.72846415606602e-10)
	near("no row that differs", signTest(0, 0), 1)
	near("equal constants", welch([]float64{1, 1}, []float64{1, 1}), 1)
	near("other constants", welch([]float64{1, 1}, []float64{2, 2}), 0)
	near("half", signTest(5, 10), 1)
}

// marks makes a result of which every row is right but those listed.
func marks(n int, wrong ...int) Result {
	m := make(Marks, n)
	for i := range m {
		m[i] = !slices.Contains(wrong, i)
	}
	return Result{Metrics: map[string]float64{"eval_accuracy": float64(n-len(wrong)) / float64(n)}, Examples: n, Right: m}
}

func upTo(n int) (all []int) {
	for i := range n {
		all = append(all, i)
	}
	return all
}

// fill makes a folder like a run's.
func fill(t *testing.T, dir string) {
	t.Helper()
	for _, name := range []string{"model.safetensors", "tokenizer.json", "all_results.json", "trainer_state.json", "checkpoint-5/optimizer.safetensors", "runs/events"} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("x"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

func models(t *testing.T, dir string) (names []string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*", "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range paths {
		names = append(names, filepath.Base(filepath.Dir(p)))
	}
	return names
}

func TestOnlyTheBestModelStays(t *testing.T) {
	dir := t.TempDir()
	table, err := Open(dir, "eval_accuracy", true, json.RawMessage(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	settings, _ := Grid([]Axis{{Name: "lr", Values: []string{"1", "2", "3"}}})
	plan := table.Plan(settings, []string{"1", "2"})
	// The second setting has the best run, but the first is better on average; the third is worst throughout.
	wrong := []int{10, 12, 5, 40, 50, 60}
	want := [][]string{{"run-001"}, {"run-001"}, {"run-001", "run-003"}, {"run-001"}, {"run-001", "run-005"}, {"run-001"}}
	for i, r := range plan {
		fill(t, table.Dir(r))
		if err := table.Finish(r, marks(100, upTo(wrong[i])...), false); err != nil {
			t.Fatal(err)
		}
		if got := models(t, dir); !slices.Equal(got, want[i]) {
			t.Errorf("after run %d the models are %v; expected %v", i+1, got, want[i])
		}
		for name, there := range map[string]bool{"all_results.json": true, "runs": true, "checkpoint-5": false} {
			if _, err := os.Stat(filepath.Join(table.Dir(r), name)); (err == nil) != there {
				t.Errorf("%s of %s: %v", name, r.Name, err)
			}
		}
	}
	// What is on disk is the same, and nothing is left to do but new values.
	again, err := Open(dir, "eval_accuracy", true, json.RawMessage(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	if best := again.Best(); best == nil || best.Name != "run-001" {
		t.Errorf("the best is %+v", best)
	}
	settings = append(settings, Setting{"lr": "4"})
	for i, r := range again.Plan(settings, []string{"1", "2"}) {
		if r.Done != (i < 6) || r.Name != runName(i) {
			t.Errorf("run %d: %+v", i, r)
		}
	}
}

func TestKeepAll(t *testing.T) {
	dir := t.TempDir()
	table, _ := Open(dir, "eval_accuracy", true, json.RawMessage(`{}`))
	for i, r := range table.Plan([]Setting{{"lr": "1"}, {"lr": "2"}}, []string{"1"}) {
		fill(t, table.Dir(r))
		if err := table.Finish(r, marks(100, upTo(i)...), true); err != nil {
			t.Fatal(err)
		}
	}
	if got := models(t, dir); len(got) != 2 {
		t.Errorf("models: %v", got)
	}
}

func TestRanksSayWhatCanBeToldApart(t *testing.T) {
	done := func(s Setting, r Result) *Run { return &Run{Setting: s, Done: true, Kept: true, Result: r} }
	table := &Table{Metric: "eval_accuracy", GreaterIsBetter: true}
	// b errs on 6 rows more than a: with the same rows wrong otherwise that is p = 2/64; c on 12 more.
	table.Runs = []*Run{
		done(Setting{"lr": "c"}, marks(100, upTo(22)...)),
		done(Setting{"lr": "a"}, marks(100, upTo(10)...)),
		done(Setting{"lr": "b"}, marks(100, upTo(16)...)),
		done(Setting{"lr": "diverged"}, Result{Examples: 100}),
		{Setting: Setting{"lr": "later"}},
	}
	ranks := table.Ranks()
	var order []string
	for _, k := range ranks {
		order = append(order, k.Setting["lr"])
	}
	if !slices.Equal(order, []string{"a", "b", "c", "diverged"}) {
		t.Fatalf("order %v", order)
	}
	if p := ranks[1].P; math.Abs(p-2.0/64) > 1e-12 {
		t.Errorf("p of b is %g", p)
	}
	if !ranks[1].Alike || ranks[2].Alike || ranks[3].Alike {
		t.Errorf("alike: %v %v %v", ranks[1].Alike, ranks[2].Alike, ranks[3].Alike)
	}
	if low, high := ranks[0].Low, ranks[0].High; math.Abs(low-0.8256) > 1e-3 || math.Abs(high-0.9448) > 1e-3 {
		t.Errorf("Wilson's interval of 90 in 100 is %g to %g", low, high)
	}
	if got := Verdict(ranks, []string{"lr"}); !strings.HasPrefix(got, "the best 2 can't be told apart: lr a; lr b.") {
		t.Errorf("verdict: %s", got)
	}

	// A loss of one run each: nothing tells. Of several seeds: Welch's test.
	loss := func(x float64) Result { return Result{Metrics: map[string]float64{"eval_loss": x}} }
	table = &Table{Metric: "eval_loss", Runs: []*Run{done(Setting{"lr": "a"}, loss(2)), done(Setting{"lr": "b"}, loss(1))}}
	if ranks := table.Ranks(); ranks[0].Setting["lr"] != "b" || !ranks[1].Alike || !math.IsNaN(ranks[0].Low) || !strings.Contains(Verdict(ranks, []string{"lr"}), "--seed 1,2,3") {
		t.Errorf("%+v", ranks)
	}
	table.Runs = append(table.Runs, done(Setting{"lr": "a"}, loss(2.1)), done(Setting{"lr": "b"}, loss(1.1)), done(Setting{"lr": "b"}, loss(1.05)), done(Setting{"lr": "a"}, loss(2.02)))
	if ranks := table.Ranks(); ranks[1].Alike || !strings.Contains(Verdict(ranks, []string{"lr"}), "better than every other") {
		t.Errorf("%+v", ranks)
	}
}

func TestForeignTablesAreRefused(t *testing.T) {
	dir := t.TempDir()
	table, _ := Open(dir, "eval_loss", false, json.RawMessage(`{"model":"gpt2","max_steps":4}`))
	table.Plan([]Setting{{"lr": "1"}}, []string{"1"})
	if err := table.Save(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, "eval_loss", false, json.RawMessage(`{"max_steps":4,"model":"gpt2"}`)); err != nil {
		t.Error(err)
	}
	if _, err := Open(dir, "eval_loss", false, json.RawMessage(`{"model":"gpt2","max_steps":5}`)); err == nil || !strings.Contains(err.Error(), "max_steps was 4 and is now 5") {
		t.Error(err)
	}
	if _, err := Open(dir, "eval_f1", true, json.RawMessage(`{"model":"gpt2","max_steps":4}`)); err == nil {
		t.Error("another metric is taken")
	}
	for _, bad := range []string{`{"runs":[{"name":"../run-001"}]}`, `{"runs":[null]}`, `[]`, `{`, `{"runs":[{"name":"run-001"},{"name":"run-002"}]}`, `{"runs":[{"name":"run-001","right":"9:ff"}]}`} {
		if _, err := parse([]byte(bad)); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"metric":"eval_accuracy","runs":[{"name":"run-001","setting":{"lr":"1"},"seed":"1","done":true,"kept":true,"metrics":{"eval_accuracy":0.5},"examples":9,"right":"9:ff80"}]}`))
	f.Add([]byte(`{"runs":[{"name":"run-001"},{"name":"run-002","done":true,"setting":{"lr":"1"}}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		table, err := parse(b)
		if err != nil {
			return
		}
		Verdict(table.Ranks(), []string{"lr"})
		table.Best()
		out, err := json.Marshal(table)
		if err != nil {
			t.Skip() // a base that is no JSON can't be parsed either
		}
		if again, err := parse(out); err != nil || len(again.Runs) != len(table.Runs) {
			t.Errorf("%s comes back as an error: %v", out, err)
		}
	})
}

func FuzzParseAxis(f *testing.F) {
	f.Add("1e-5,3e-5")
	f.Add("1e-5..1e-3")
	f.Fuzz(func(t *testing.T, text string) {
		a, err := ParseAxis("x", text)
		if err != nil {
			return
		}
		if all, err := Random([]Axis{a}, 3, 1); err != nil || len(all) == 0 {
			t.Errorf("%q: %d settings, %v", text, len(all), err)
		}
	})
}

func ExampleGrid() {
	rate, _ := ParseAxis("learning_rate", "1e-5,3e-5")
	size, _ := ParseAxis("per_device_train_batch_size", "8,16")
	settings, _ := Grid([]Axis{rate, size})
	for _, s := range settings {
		fmt.Println(s.In([]string{"learning_rate", "per_device_train_batch_size"}))
	}
	// Output:
	// learning_rate 1e-5, per_device_train_batch_size 8
	// learning_rate 1e-5, per_device_train_batch_size 16
	// learning_rate 3e-5, per_device_train_batch_size 8
	// learning_rate 3e-5, per_device_train_batch_size 16
}
