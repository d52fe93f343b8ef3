package dataset_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/hone-ml/hone/dataset"
)

// reviews writes a small data set and returns its folder, which the caller removes.
func reviews() string {
	dir, err := os.MkdirTemp("", "reviews")
	if err != nil {
		panic(err)
	}
	train := "text,label\n\"dull, slow\",neg\nwarm and funny,pos\na long joke,neg\nsplendid,pos\n"
	test := "text,label\nsplendid,pos\nnever again,neg\n"
	for name, text := range map[string]string{"train.csv": train, "test.csv": test} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			panic(err)
		}
	}
	return dir
}

func Example() {
	dir := reviews()
	defer os.RemoveAll(dir)
	data, err := dataset.Load(dir, dataset.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	task, err := dataset.Infer(data, dataset.Task{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(task.Why)
	train := data.Split("train")
	labels, err := task.Labels(train)
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, row := range train.Rows() {
		fmt.Println(row.Where(), labels[i], task.Names[labels[i]], row.Text(task.Text))
	}
	// Output:
	// classification: text from column "text" (by their names), label from column "label", 2 classes (neg, pos), named by the labels themselves
	// train.csv:2 0 neg dull, slow
	// train.csv:3 1 pos warm and funny
	// train.csv:4 0 neg a long joke
	// train.csv:5 1 pos splendid
}

func ExampleDataset_Shuffle() {
	dir := reviews()
	defer os.RemoveAll(dir)
	data, err := dataset.Load(dir, dataset.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	short := data.Split("train").Shuffle(42).Filter(func(r dataset.Row) bool { return len(r.Text("text")) < 14 })
	for _, row := range short.Rows() {
		fmt.Println(row.Text("text"))
	}
	// Output:
	// splendid
	// a long joke
	// dull, slow
}

func ExampleDataset_TrainTestSplit() {
	dir := reviews()
	defer os.RemoveAll(dir)
	data, err := dataset.Load(filepath.Join(dir, "train.csv"), dataset.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	train, test, err := data.Split("train").TrainTestSplit(0.25, 42)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(train.Len(), test.Len(), test.Row(0).Text("text"))
	// Output: 3 1 splendid
}

func ExampleCheck() {
	dir := reviews()
	defer os.RemoveAll(dir)
	data, err := dataset.Load(dir, dataset.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	task, err := dataset.Infer(data, dataset.Task{})
	if err != nil {
		fmt.Println(err)
		return
	}
	words := func(text string) int { return len(strings.Fields(text)) }
	report, err := dataset.Check(data, task, dataset.CheckOptions{Tokens: words, MaxLength: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, w := range report.Warnings {
		fmt.Println(w.Text)
	}
	// Output:
	// test: 1 row also in train, the first at test.csv:2
	// train: 2 rows (50.0 %) longer than 2 tokens will be cut
}
