package generate_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"testing/fstest"

	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/generate"
	"github.com/hone-ml/hone/model"
	"github.com/hone-ml/hone/tokenizer"
)

// spelling returns a pipeline whose model knows one word and how to end it. Real ones come from model.Load,
// tokenizer.Load and generate.Load.
func spelling() (*generate.Pipeline, error) {
	tok, err := tokenizer.LoadFS(fstest.MapFS{"tokenizer.json": {Data: []byte(`{"version":"1.0",
		"added_tokens":[{"id":5,"content":"<end>","special":true}],"decoder":{"type":"Fuse"},
		"model":{"type":"BPE","vocab":{"w":0,"o":1,"r":2,"l":3,"d":4},"merges":[]}}`)}})
	if err != nil {
		return nil, err
	}
	c, err := model.ParseConfig([]byte(`{"model_type":"llama","vocab_size":6,"hidden_size":6,"intermediate_size":4,
		"num_attention_heads":1,"num_hidden_layers":1,"max_position_embeddings":32,"hidden_act":"silu"}`))
	if err != nil {
		return nil, err
	}
	m, err := model.New(c, 1)
	if err != nil {
		return nil, err
	}
	m.Wte.W.Zero()
	m.Head.W.W.Zero()
	for i := range 6 {
		m.Wte.W.Row(i)[i] = 1
		m.Head.W.W.Row((i + 1) % 6)[i] = 9 // each token makes the next likely
	}
	return &generate.Pipeline{Generator: generate.Generator{
		Run: m.NewRun(compute.Ref{}), Tokenizer: tok, Config: generate.Config{EOSTokenID: generate.IDs{5}},
	}}, nil
}

func ExamplePipeline() {
	p, err := spelling()
	if err != nil {
		panic(err)
	}
	greedy := generate.Options{Config: generate.Config{DoSample: new(false)}}
	answers, err := p.Texts(context.Background(), []string{"w", "or"}, greedy)
	if err != nil {
		panic(err)
	}
	json.NewEncoder(os.Stdout).Encode(answers)
	greedy.ReturnFullText = new(false)
	answer, err := p.Text(context.Background(), "wo", greedy)
	if err != nil {
		panic(err)
	}
	fmt.Println(answer[0].Text, answer[0].Sequence.Finish)
	// Output:
	// [[{"generated_text":"world"}],[{"generated_text":"orld"}]]
	// rld eos
}

func ExampleGenerator_Stream() {
	p, err := spelling()
	if err != nil {
		panic(err)
	}
	request := generate.Request{Prompt: p.Tokenizer.Append(nil, "w"), Config: generate.Config{MaxNewTokens: new(3)}}
	for token, err := range p.Stream(context.Background(), request) {
		if err != nil {
			panic(err)
		}
		fmt.Printf("%d %q %q\n", token.ID, token.Text, token.Finish)
	}
	// Output:
	// 1 "o" ""
	// 2 "r" ""
	// 3 "l" "length"
}
