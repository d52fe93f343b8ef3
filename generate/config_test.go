package generate

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/internal/fixtures"
	"github.com/hone-ml/hone/model"
)

func TestCheck(t *testing.T) {
	for config, want := range map[string]string{
		`{"do_sample":true,"temperature":0}`:              "set do_sample to false",
		`{"do_sample":true,"temperature":-1}`:             "temperature is -1",
		`{"do_sample":true,"top_p":1.5}`:                  "top_p is 1.5; expected a probability from 0 to 1",
		`{"do_sample":true,"top_k":-1}`:                   "top_k is -1",
		`{"do_sample":true,"min_p":2}`:                    "min_p is 2",
		`{"do_sample":true,"typical_p":0}`:                "typical_p is 0",
		`{"repetition_penalty":0}`:                        "repetition_penalty is 0",
		`{"num_beams":4}`:                                 "there is no beam search",
		`{"num_return_sequences":2}`:                      "set do_sample to true",
		`{"max_new_tokens":0}`:                            "max_new_tokens is 0; expected at least 1",
		`{"stop_strings":["a",""]}`:                       "empty string",
		`{"bad_words_ids":[[1],[]]}`:                      "entry 1 has no tokens",
		`{"temperature":0,"top_p":0.9,"do_sample":false}`: "",
		`{"num_beams":1,"num_return_sequences":3,"do_sample":true,"top_p":1,"min_p":0}`: "",
	} {
		err := parse(t, []byte(config)).Check()
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: error %v, expected %q", config, err, want)
		}
	}
}

func TestParse(t *testing.T) {
	for config, want := range map[string]string{
		`[]`:                                    "not a JSON object",
		`{"guidance_scale":1.5}`:                "guidance_scale is set to 1.5",
		`{"forced_eos_token_id":7}`:             "hone doesn't have it",
		`{"eos_token_id":"</s>"}`:               "expected a token id or a list of them",
		`{"top_k":2.5}`:                         "top_k",
		`{"guidance_scale":1.0,"top_h":null}`:   "",
		`{"epsilon_cutoff":0.0,"use_cache":[]}`: "",
	} {
		_, err := Parse([]byte(config))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: error %v, expected %q", config, err, want)
		}
	}
	c := parse(t, []byte(`{"eos_token_id":[2,3],"stop_strings":"end","temperature":0.6}`))
	want := Config{EOSTokenID: IDs{2, 3}, StopStrings: Strings{"end"}, Temperature: new(0.6)}
	if d := cmp.Diff(want, c); d != "" {
		t.Error(d)
	}
}

// The caller's settings go before the model's, an empty list of eos tokens included.
func TestOr(t *testing.T) {
	file := parse(t, []byte(`{"eos_token_id":2,"temperature":0.6,"top_k":20}`))
	got := Config{EOSTokenID: IDs{}, Temperature: new(1.0)}.Or(file)
	want := Config{EOSTokenID: IDs{}, Temperature: new(1.0), TopK: new(20)}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	b, err := json.Marshal(got)
	if err != nil || string(b) != `{"temperature":1,"top_k":20,"eos_token_id":[]}` {
		t.Errorf("%s, %v", b, err)
	}
	// Or must know every field.
	full := map[string]any{}
	json.Unmarshal([]byte(`{"max_new_tokens":1,"max_length":1,"min_new_tokens":1,"min_length":1,"do_sample":true,"temperature":1,
		"top_k":1,"top_p":1,"min_p":1,"typical_p":1,"repetition_penalty":1,"no_repeat_ngram_size":1,"bad_words_ids":[[1]],
		"suppress_tokens":[1],"bos_token_id":1,"eos_token_id":1,"pad_token_id":1,"stop_strings":["a"],"seed":1,
		"num_return_sequences":1,"num_beams":1}`), &full)
	b, _ = json.Marshal(full)
	all := parse(t, b)
	if d := cmp.Diff(all, Config{}.Or(all)); d != "" {
		t.Error(d)
	}
	again, _ := json.Marshal(Config{}.Or(all))
	var back map[string]any
	json.Unmarshal(again, &back)
	if d := cmp.Diff(full, back); d != "" {
		t.Error(d)
	}
}

func TestLoad(t *testing.T) {
	dir := fixtures.Dir(t, "llama-rope3")
	m, err := model.LoadConfig(dir)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Load(dir, m)
	want := Config{BOSTokenID: new(int32(1)), EOSTokenID: IDs{2, 3}}
	if d := cmp.Diff(want, c); err != nil || d != "" {
		t.Error(err, d)
	}
	c, err = Load(t.TempDir(), m)
	if d := cmp.Diff(want.EOSTokenID, c.EOSTokenID); err != nil || d != "" {
		t.Error("from config.json:", err, d)
	}
	broken := t.TempDir()
	os.WriteFile(filepath.Join(broken, "generation_config.json"), []byte(`{"top_k":"x"}`), 0o666)
	if _, err := Load(broken, m); err == nil || !strings.Contains(err.Error(), filepath.Join(broken, "generation_config.json")) {
		t.Errorf("error %v", err)
	}
}

func TestLengths(t *testing.T) {
	m, ref := load(t, "gpt2") // 64 positions
	g := generator(m)
	prompt := ref.Prompts[2][:10]
	for config, want := range map[string]int{
		`{}`: 20, `{"max_length":13}`: 3, `{"max_length":13,"max_new_tokens":5}`: 5, `{"max_new_tokens":55}`: 55,
	} {
		if got := len(ids(t, g, [][]int32{prompt}, parse(t, []byte(config)))[0]); got != want {
			t.Errorf("%s: %d tokens, expected %d", config, got, want)
		}
	}
	long := make([]int32, 60)
	if got := len(ids(t, g, [][]int32{long}, Config{})[0]); got != 4 {
		t.Errorf("%d tokens up to the last position, expected 4", got)
	}
	for config, want := range map[string]string{
		`{"max_length":10}`:                      "the prompt has 10 tokens, but max_length is 10",
		`{"max_new_tokens":56}`:                  "set max_new_tokens to at most 55",
		`{"max_new_tokens":9223372036854775807}`: "64 positions",
	} {
		_, err := g.Generate(context.Background(), [][]int32{prompt}, parse(t, []byte(config)))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, expected %q", config, err, want)
		}
	}
	fails := func(g *Generator, prompt []int32, c Config, want string) {
		t.Helper()
		if _, err := g.Generate(context.Background(), [][]int32{{1}, prompt}, c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, expected %q", err, want)
		}
	}
	fails(g, make([]int32, 65), Config{}, "prompt 2 of 2: generate: the prompt has 65 tokens, but the model has 64 positions")
	fails(g, []int32{1, 96}, Config{}, "token id 96")
	fails(g, nil, Config{}, "no bos_token_id")
	fails(g, []int32{1}, Config{StopStrings: Strings{"x"}}, "need a tokenizer")
	fails(&Generator{Run: g.Run, CacheBytes: CacheBytes(m.Config, 20)}, prompt, Config{}, "don't fit the cache of 20 tokens")
	llama, _ := load(t, "llama")
	fails(generator(llama), prompt, Config{MaxNewTokens: new(1 << 62)}, "don't fit the cache")
	if got := ids(t, g, [][]int32{nil}, Config{BOSTokenID: new(int32(95)), MaxNewTokens: new(3)})[0]; len(got) != 3 {
		t.Errorf("an empty prompt gives %v", got)
	}
	every := make([]int32, 96)
	for i := range every {
		every[i] = int32(i)
	}
	fails(g, prompt, Config{SuppressTokens: every}, "no token is left to choose")
}

func FuzzParse(f *testing.F) {
	for _, name := range append(names, "llama-rope3") {
		b, err := os.ReadFile(filepath.Join(fixtures.Dir(f, name), "generation_config.json"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(`{"eos_token_id":[1,2],"stop_strings":"a","bad_words_ids":[[1],[2,3]],"do_sample":true,"top_p":0.5,"min_p":0.1}`))
	f.Add([]byte(`{"guidance_scale":1e0,"temperature":1e-300,"do_sample":true,"repetition_penalty":1e300}`))
	m, ref := load(f, "gpt2")
	run := m.NewRun(compute.Ref{})
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := Parse(b)
		if err != nil || c.Check() != nil {
			return
		}
		if out, err := json.Marshal(c); err != nil {
			t.Fatal(err)
		} else if d := cmp.Diff(c, parse(t, out)); d != "" {
			t.Fatal(d)
		}
		// A row of scores survives whatever settings pass the check.
		var p picker
		row := logits(run, ref.Prefix[:4])
		p.process(row, ref.Prefix[:4], 2, &c)
		p.candidates(row, &c)
	})
}
