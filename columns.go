package hone

import (
	"github.com/hone-ml/hone/dataset"
)

// Columns says how to read a data set, where what hone infers is not what is meant. The zero value infers all.
type Columns struct {
	TaskKind         string   `name:"task" help:"What the rows are: classification, language-modeling, prompt-completion, chat or preference. Inferred from the columns if not given." placeholder:"KIND"`
	TextColumn       string   `help:"Column with the text." placeholder:"NAME"`
	LabelColumn      string   `help:"Column with the class." placeholder:"NAME"`
	PromptColumn     string   `help:"Column with the prompt." placeholder:"NAME"`
	CompletionColumn string   `help:"Column with the completion." placeholder:"NAME"`
	MessagesColumn   string   `help:"Column with the chat messages." placeholder:"NAME"`
	ChosenColumn     string   `help:"Column with the better answer, of pairs." placeholder:"NAME"`
	RejectedColumn   string   `help:"Column with the worse answer, of pairs." placeholder:"NAME"`
	Labels           []string `help:"Class names in the order of their ids, such as neg,pos." placeholder:"NAME"`
	DatasetConfig    string   `help:"Which configuration of the data set, where it has several." placeholder:"NAME"`
	DatasetRevision  string   `help:"A branch, tag or commit of the data set on the Hub." placeholder:"REV"`
}

// Task returns what the caller fixed of the task, for dataset.Infer to complete.
func (c Columns) Task() dataset.Task {
	return dataset.Task{Kind: dataset.Kind(c.TaskKind), Text: c.TextColumn, Label: c.LabelColumn, Prompt: c.PromptColumn,
		Completion: c.CompletionColumn, Messages: c.MessagesColumn, Chosen: c.ChosenColumn, Rejected: c.RejectedColumn, Names: c.Labels}
}

// Options returns how to load the data set.
func (c Columns) Options() dataset.Options { return dataset.Options{Config: c.DatasetConfig} }
