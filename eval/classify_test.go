package eval

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hone-ml/hone/collate"
	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/model"
	"github.com/hone-ml/hone/nn"
)

// prompts draws n prompts of 1 to 30 tokens.
func prompts(n int) (out [][]int32) {
	r := rand.New(rand.NewPCG(1, 2))
	for range n {
		p := make([]int32, 1+r.IntN(30))
		for i := range p {
			p[i] = r.Int32N(96)
		}
		out = append(out, p)
	}
	return out
}

// example is a prompt with its label word, as the classification recipe makes it.
func example(prompt, word []int32) (e collate.Example) {
	for _, id := range prompt {
		e.IDs, e.Labels = append(e.IDs, id), append(e.Labels, collate.Ignore)
	}
	return collate.Example{IDs: append(e.IDs, word...), Labels: append(e.Labels, word...)}
}

// nll is the word's summed cross-entropy after the prompt, computed alone and without a cache.
func nll(run *model.Run, prompt, word []int32) (sum float64) {
	var b collate.Batch
	collate.Pack(&b, []collate.Example{example(prompt, word)})
	loss := make([]nn.Float, len(b.Targets))
	run.NLL(loss, &b, 0)
	for _, l := range loss {
		sum += float64(l)
	}
	return sum
}

var wordSets = map[string][][]int32{
	"one token":      {{7}, {12}},
	"several tokens": {{7}, {12, 3}, {12, 4, 90, 1}, {5, 7}},
}

// Log-probabilities equal the loss of each word behind each prompt, in the order of the prompts, whatever the
// passes were.
func TestPredictEqualsBruteForce(t *testing.T) {
	for _, name := range names {
		m := load(t, name)
		if m.Config.Rope != nil && m.Config.Rope.Type == "dynamic" {
			continue // its frequencies follow the longest prompt of a pass
		}
		run := m.NewRun(compute.Ref{})
		for kind, words := range wordSets {
			t.Run(name+"/"+kind, func(t *testing.T) {
				all := prompts(25)
				row := 0
				for p, err := range (&Classifier{Words: words, Tokens: 100}).Predict(t.Context(), run, all) {
					if err != nil || p.Row != row {
						t.Fatalf("row %d: %v, row %d", row, err, p.Row)
					}
					var sum float64
					for k, w := range words {
						if want := -nll(run, all[row], w); math.Abs(p.LogProbs[k]-want) > 2e-5 {
							t.Errorf("row %d word %d: log-probability %.8g, brute force %.8g", row, k, p.LogProbs[k], want)
						}
						sum += p.Probs[k]
						if p.LogProbs[k] > p.LogProbs[p.Class] {
							t.Errorf("row %d: class %d of %v", row, p.Class, p.LogProbs)
						}
					}
					near(t, "sum of probabilities", sum, 1, 1e-12)
					near(t, "odds", math.Log(p.Probs[0]/p.Probs[1]), p.LogProbs[0]-p.LogProbs[1], 1e-9)
					row++
				}
				if row != len(all) {
					t.Errorf("%d predictions of %d", row, len(all))
				}
			})
		}
	}
}

// One prompt gives the same bits alone and among others.
func TestPredictAlone(t *testing.T) {
	run := load(t, "llama").NewRun(compute.Ref{})
	all := prompts(20)
	for _, words := range wordSets {
		c := Classifier{Words: words}
		for p, err := range c.Predict(t.Context(), run, all) {
			if err != nil {
				t.Fatal(err)
			}
			for alone := range c.Predict(t.Context(), load(t, "llama").NewRun(compute.Ref{}), all[p.Row:p.Row+1]) {
				alone.Row = p.Row
				if d := cmp.Diff(p, alone, cmp.AllowUnexported(Prediction{})); d != "" {
					t.Fatal(d)
				}
			}
		}
	}
}

// The loss is that of the Loss evaluator on the same rows, several tokens to a word or one.
func TestClassifyLossEqualsLoss(t *testing.T) {
	m := load(t, "qwen2")
	for kind, words := range wordSets {
		c := &Classify{Classifier: Classifier{Words: words}, BatchSize: 3}
		var ex []collate.Example
		for i, p := range prompts(20) {
			c.Rows = append(c.Rows, Row{p, i % len(words)})
			ex = append(ex, example(p, words[i%len(words)]))
		}
		rows, err := Rows(ex, words)
		if d := cmp.Diff(c.Rows, rows); err != nil || d != "" {
			t.Fatal(err, d)
		}
		for _, smoothing := range []float64{0, 0.1} {
			c.Smoothing = smoothing
			got := evaluate(t, m, c)
			want := evaluate(t, m, &Loss{Examples: ex, BatchSize: 3, Smoothing: smoothing})
			near(t, kind+" loss", got.Metrics["loss"], want.Metrics["loss"], 2e-6)
			if got.Examples != 20 || got.Steps != want.Steps {
				t.Errorf("%d examples, %d steps; Loss has %d", got.Examples, got.Steps, want.Steps)
			}
		}
	}
}

func TestClassifyReport(t *testing.T) {
	m := load(t, "gpt2")
	words := wordSets["several tokens"]
	c := &Classify{Classifier: Classifier{Words: words}}
	for i, p := range prompts(30) {
		c.Rows = append(c.Rows, Row{p, i % len(words)})
	}
	counts, next := NewConfusion(len(words)), 0
	c.Each = func(r Row, p Prediction) {
		if p.Row != next || !slices.Equal(r.Prompt, c.Rows[next].Prompt) {
			t.Errorf("prediction of row %d where %d was due", p.Row, next)
		}
		next++
		counts[r.Label][p.Class]++
	}
	var done []int
	r, err := c.Report(t.Context(), m.NewRun(compute.Ref{}), func(d, total int) { done = append(done, d, total) })
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(counts, r.Confusion); d != "" || next != 30 {
		t.Error(next, d)
	}
	if d := cmp.Diff([]string{"0", "1", "2", "3"}, r.Classes); d != "" {
		t.Error(d)
	}
	if !slices.Equal(done[len(done)-2:], []int{30, 30}) {
		t.Errorf("progress ends with %v", done[len(done)-2:])
	}
}

func TestClassifyErrors(t *testing.T) {
	m := load(t, "gpt2") // 64 positions
	good := Classify{Classifier: Classifier{Words: [][]int32{{1, 2}, {3}}}, Rows: []Row{{[]int32{1}, 0}}}
	for want, change := range map[string]func(*Classify){
		"no rows":                           func(c *Classify) { c.Rows = nil },
		"1 class names for 2":               func(c *Classify) { c.Names = []string{"a"} },
		"row 0 has class 2":                 func(c *Classify) { c.Rows = []Row{{[]int32{1}, 2}} },
		"prompt 0 is empty":                 func(c *Classify) { c.Rows = []Row{{nil, 1}} },
		"needs at least 2":                  func(c *Classify) { c.Words = c.Words[:1] },
		"same label word":                   func(c *Classify) { c.Words = [][]int32{{3}, {3}} },
		"class 1 has no tokens":             func(c *Classify) { c.Words = [][]int32{{3}, {}} },
		"class 1: model: token id 96":       func(c *Classify) { c.Words = [][]int32{{3}, {96}} },
		"prompt 0: model: token id -1":      func(c *Classify) { c.Rows = []Row{{[]int32{-1}, 1}} },
		"too long for the model's 64":       func(c *Classify) { c.Rows = []Row{{make([]int32, 64), 1}} },
		"prompt 0: model: a sequence of 65": func(c *Classify) { c.Rows = []Row{{make([]int32, 65), 1}} },
	} {
		c := good
		change(&c)
		if _, err := c.Evaluate(t.Context(), m.NewRun(compute.Ref{}), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, expected %q", err, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := good.Evaluate(ctx, m.NewRun(compute.Ref{}), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	for want, e := range map[string]collate.Example{
		"which are no label word": example([]int32{1}, []int32{9}),
		"no label word after":     {IDs: []int32{1}, Labels: []int32{collate.Ignore}},
	} {
		if _, err := Rows([]collate.Example{e}, good.Words); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, expected %q", err, want)
		}
	}
}

// The figures are scikit-learn's for y_true = 0 1 2 2 2 and y_pred = 0 0 2 2 1.
func TestScores(t *testing.T) {
	c := Confusion{{1, 0, 0}, {1, 0, 0}, {0, 1, 2}}
	for i, want := range []Scores{{0.5, 1, 2. / 3, 1}, {0, 0, 0, 1}, {1, 2. / 3, 0.8, 3}} {
		if d := cmp.Diff(want, c.Class(i)); d != "" {
			t.Errorf("class %d: %s", i, d)
		}
	}
	check := func(what string, got, want Scores) {
		t.Helper()
		near(t, what+" precision", got.Precision, want.Precision, 1e-12)
		near(t, what+" recall", got.Recall, want.Recall, 1e-12)
		near(t, what+" f1", got.F1, want.F1, 1e-12)
		if got.Support != want.Support {
			t.Errorf("%s support %d", what, got.Support)
		}
	}
	check("macro", c.Macro(), Scores{1.5 / 3, (1 + 2./3) / 3, (2./3 + 0.8) / 3, 5})
	check("weighted", c.Weighted(), Scores{(0.5 + 3) / 5, 0.6, (2./3 + 2.4) / 5, 5})
	if n, right := c.Total(); n != 5 || right != 3 {
		t.Errorf("%d of %d", right, n)
	}
}

func TestWilson(t *testing.T) {
	for _, w := range []struct {
		k, n      int
		low, high float64
	}{{8, 10, 0.490162472, 0.943317849}, {0, 10, 0, 0.277532799}, {10, 10, 0.722467201, 1}, {0, 0, 0, 1}} {
		low, high := Wilson(w.k, w.n)
		near(t, "low", low, w.low, 1e-8)
		near(t, "high", high, w.high, 1e-8)
	}
}

func TestCalibration(t *testing.T) {
	var c calibration
	c.add(0.9, true)
	c.add(0.92, false) // the same bin, (13/15, 14/15]
	c.add(0.5, true)
	c.add(1, true)
	near(t, "calibration error", c.error(), (math.Abs(1-1.82)+0.5)/4, 1e-12)
	near(t, "calibration error of nothing", new(calibration).error(), 0, 0)
}

func TestReport(t *testing.T) {
	r := &Report{Classes: []string{"neg", "pos"}, Confusion: Confusion{{40, 10}, {5, 45}}, Loss: 0.4321, CalibrationError: 0.05}
	want := `accuracy  0.8500  (85 of 100; 95 % interval 0.7672 to 0.9069)
baseline  0.5000  (always neg)
loss      0.4321
calibration error  0.0500

              precision  recall  f1-score  support
neg              0.8889  0.8000    0.8421       50
pos              0.8182  0.9000    0.8571       50
macro avg        0.8535  0.8500    0.8496      100
weighted avg     0.8535  0.8500    0.8496      100

rows are true classes, columns are predicted ones

     neg  pos
neg   40   10
pos    5   45
`
	if d := cmp.Diff(want, r.String()); d != "" {
		t.Error(d)
	}
	m := r.Metrics()
	near(t, "f1 of class 1", m["f1"], 2*45./(2*45+10+5), 1e-12)
	near(t, "f1_macro", m["f1_macro"], (0.8421052631578947+0.8571428571428571)/2, 1e-12)
	r.Loss = math.NaN()
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`"examples":100`, `"accuracy":0.85`, `"classes":[{"name":"neg","precision":`, `"f1-score":0.8421`, `"confusion_matrix":[[40,10],[5,45]]`} {
		if !strings.Contains(string(b), part) {
			t.Errorf("%s lacks %s", b, part)
		}
	}
	// With three classes f1 is the macro average.
	three := &Report{Classes: []string{"a", "b", "c"}, Confusion: Confusion{{1, 0, 0}, {1, 0, 0}, {0, 1, 2}}}
	near(t, "f1 of three", three.Metrics()["f1"], three.Confusion.Macro().F1, 0)
	if class, share := three.Baseline(); class != 2 || share != 0.6 {
		t.Errorf("baseline %d, %g", class, share)
	}
}
