package eval_test

import (
	"context"
	"fmt"

	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/eval"
	"github.com/hone-ml/hone/model"
)

// A model of four tokens that has learned to repeat the last one is a perfect classifier of what it repeats.
func ExampleClassify() {
	c, err := model.ParseConfig([]byte(`{"model_type":"llama","vocab_size":4,"hidden_size":4,"intermediate_size":4,
		"num_attention_heads":1,"num_hidden_layers":1,"max_position_embeddings":16,"tie_word_embeddings":true,"hidden_act":"silu"}`))
	if err != nil {
		panic(err)
	}
	m, err := model.New(c, 1)
	if err != nil {
		panic(err)
	}
	for i := range 4 {
		clear(m.Wte.W.Row(i))
		m.Wte.W.Row(i)[i] = 4
	}
	task := &eval.Classify{
		Classifier: eval.Classifier{Words: [][]int32{{1}, {2}}},
		Names:      []string{"neg", "pos"},
		Rows:       []eval.Row{{Prompt: []int32{0, 3, 1}, Label: 0}, {Prompt: []int32{3, 2}, Label: 1}, {Prompt: []int32{1, 2}, Label: 0}},
	}
	report, err := task.Report(context.Background(), m.NewRun(compute.Ref{}), nil)
	if err != nil {
		panic(err)
	}
	accuracy, low, high := report.Accuracy()
	fmt.Printf("accuracy %.2f, 95 %% interval %.2f to %.2f\n", accuracy, low, high)
	fmt.Println(report.Confusion)
	// Output:
	// accuracy 0.67, 95 % interval 0.21 to 0.94
	// [[1 1] [0 1]]
}
