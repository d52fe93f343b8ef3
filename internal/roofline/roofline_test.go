//go:build !f64

package roofline

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/hone-ml/hone/model"
	"github.com/hone-ml/hone/tokenizer"
)

func small(t *testing.T) *model.Model {
	t.Helper()
	c, err := model.ParseConfig([]byte(`{"model_type":"gpt2","vocab_size":300,"n_positions":64,"n_embd":32,"n_layer":2,"n_head":2}`))
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.New(c, 1)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Everything is measured once, and every result makes sense.
func TestRun(t *testing.T) {
	tok, err := tokenizer.Load(filepath.Join("..", "..", "tokenizer", "testdata", "gpt2"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	err = Run(t.Context(), Options{Threads: 2, Model: small(t), Tokenizer: tok, small: true}, func(r Result) {
		seen[r.Section]++
		if !(r.Value > 0) || r.Unit == "" || r.Name == "" || r.Threads < 1 || (r.Share > 0) != (r.Of != "") {
			t.Errorf("%+v", r)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{Machine, Products, Attention, Rows, Tokenize, Training, Decoding} {
		if seen[s] == 0 {
			t.Errorf("nothing in section %s", s)
		}
	}
}

func TestRunStops(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	n := 0
	err := Run(ctx, Options{Threads: 1, Model: small(t), small: true}, func(Result) {
		if n++; n == 5 {
			stop()
		}
	})
	if n != 5 || err != context.Canceled {
		t.Errorf("%d results, %v", n, err)
	}
}
