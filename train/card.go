package train

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/hone-ml/hone/checkpoint"
)

// A Card is what a model card says besides what the run itself tells.
type Card struct {
	Name      string   // of the model; the last part of output_dir if empty
	BaseModel string   // the model that was fine-tuned, ORG/NAME on the Hub
	License   string   // an identifier such as apache-2.0
	Languages []string // codes such as en
	Datasets  []string // ORG/NAME on the Hub
	Tags      []string // besides generated_from_trainer and hone
	Library   string   // that loads the model; transformers if empty
	Version   string   // of hone
}

// WriteCard writes the model card README.md into output_dir: metadata for the Hub, results, hyperparameters and the
// history of evaluations, laid out as the reference's.
func WriteCard(c Card, a *Args, s *State) error {
	return writeFile(a.OutputDir, "README.md", []byte(c.text(a, s)))
}

func (c Card) text(a *Args, s *State) string {
	if c.Name == "" {
		c.Name = filepath.Base(a.OutputDir)
	}
	var b strings.Builder
	last := lastEval(s.LogHistory)
	b.WriteString("---\n" + c.metadata(last) + "---\n")
	b.WriteString("\n<!-- Written by hone from what it knows of the run. Please read it, add what it can't know, and remove this line. -->\n")
	fmt.Fprintf(&b, "\n# %s\n\n%s\n", c.Name, c.summary())
	if last != nil {
		b.WriteString("\nOn the evaluation set it reaches:\n\n")
		for _, k := range metrics(last) {
			fmt.Fprintf(&b, "- %s: %s\n", title(k), short(last[k]))
		}
	}
	for _, heading := range []string{"Model description", "Intended uses & limitations", "Training and evaluation data"} {
		fmt.Fprintf(&b, "\n## %s\n\nMore information needed\n", heading)
	}
	b.WriteString("\n## Training procedure\n\n### Training hyperparameters\n\n")
	for _, h := range hyperparameters(a) {
		fmt.Fprintf(&b, "- %s: %v\n", h[0], h[1])
	}
	if t := table(s.LogHistory); t != "" {
		b.WriteString("\n### Training results\n\n" + t)
	}
	b.WriteString("\n### Framework versions\n\n")
	if c.Version != "" {
		fmt.Fprintf(&b, "- hone %s\n", c.Version)
	}
	fmt.Fprintf(&b, "- Go %s\n", strings.TrimPrefix(runtime.Version(), "go"))
	return b.String()
}

func (c Card) summary() string {
	from := "Trained from scratch"
	if c.BaseModel != "" {
		from = fmt.Sprintf("[%s](https://huggingface.co/%s), fine-tuned", c.BaseModel, c.BaseModel)
	}
	if len(c.Datasets) == 0 {
		return from + " on data that its makers keep to themselves."
	}
	return from + " on " + strings.Join(c.Datasets, ", ") + "."
}

// cardMetrics are the metrics that the Hub knows by these names.
var cardMetrics = []string{"accuracy", "f1", "precision", "recall", "perplexity"}

// metadata returns the YAML at the top, in the reference's order.
func (c Card) metadata(last Row) string {
	var b strings.Builder
	one := func(key, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s: %s\n", key, scalar(value))
		}
	}
	list := func(key string, values []string) {
		if len(values) > 0 {
			fmt.Fprintf(&b, "%s:\n", key)
		}
		for _, v := range values {
			fmt.Fprintf(&b, "- %s\n", scalar(v))
		}
	}
	var known []string
	for _, m := range cardMetrics {
		if _, ok := last["eval_"+m]; ok {
			known = append(known, m)
		}
	}
	one("library_name", cmp.Or(c.Library, "transformers"))
	list("language", c.Languages)
	one("license", c.License)
	one("base_model", c.BaseModel)
	list("tags", append(slices.Clone(c.Tags), "generated_from_trainer", "hone"))
	list("datasets", c.Datasets)
	list("metrics", known)
	fmt.Fprintf(&b, "model-index:\n- name: %s\n", scalar(c.Name))
	if len(c.Datasets) != 1 || len(known) == 0 {
		b.WriteString("  results: []\n")
		return b.String()
	}
	d := scalar(c.Datasets[0])
	fmt.Fprintf(&b, "  results:\n  - task:\n      name: Text Generation\n      type: text-generation\n    dataset:\n      name: %s\n      type: %s\n    metrics:\n", d, d)
	for _, m := range known {
		fmt.Fprintf(&b, "    - name: %s\n      type: %s\n      value: %s\n", title("eval_"+m), m, checkpoint.Repr(last["eval_"+m]))
	}
	return b.String()
}

var plain = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_./-]*$`)

// scalar returns s as a YAML value.
func scalar(s string) string {
	if plain.MatchString(s) && !slices.Contains([]string{"true", "false", "null", "yes", "no", "on", "off", "y", "n"}, strings.ToLower(s)) {
		return s
	}
	return strconv.QuoteToASCII(s)
}

// hyperparameters lists what the reference's card lists.
func hyperparameters(a *Args) [][2]any {
	list := [][2]any{{"learning_rate", checkpoint.Repr(a.LearningRate)}, {"train_batch_size", a.PerDeviceTrainBatchSize},
		{"eval_batch_size", a.PerDeviceEvalBatchSize}, {"seed", a.Seed}}
	add := func(when bool, name string, v any) {
		if when {
			list = append(list, [2]any{name, v})
		}
	}
	n := a.GradientAccumulationSteps
	add(n > 1, "gradient_accumulation_steps", n)
	add(n > 1, "total_train_batch_size", n*a.PerDeviceTrainBatchSize)
	add(true, "optimizer", fmt.Sprintf("%s with betas=(%v,%v), epsilon=%s and weight_decay=%v", a.Optim, a.AdamBeta1, a.AdamBeta2, checkpoint.Repr(a.AdamEpsilon), a.WeightDecay))
	add(true, "lr_scheduler_type", a.LRSchedulerType)
	add(a.WarmupSteps != 0, "lr_scheduler_warmup_steps", a.WarmupSteps)
	add(a.MaxSteps > 0, "training_steps", a.MaxSteps)
	add(a.MaxSteps <= 0, "num_epochs", a.NumTrainEpochs)
	add(a.LabelSmoothingFactor != 0, "label_smoothing_factor", a.LabelSmoothingFactor)
	return list
}

// table returns the evaluations of a run as a Markdown table, each with the training loss logged last before it.
func table(history []Row) string {
	var head []string
	var lines [][]string
	loss := "No log"
	for _, row := range history {
		if v, ok := row["loss"]; ok {
			loss = short(v)
		}
		names := metrics(row)
		if _, ok := row["eval_runtime"]; !ok || len(names) == 0 {
			continue
		}
		line := []string{loss, short(row["epoch"]), strconv.Itoa(int(row["step"]))}
		titles := []string{"Training Loss", "Epoch", "Step"}
		for _, k := range names {
			line = append(line, short(row[k]))
			if k == "eval_loss" {
				titles = append(titles, "Validation Loss")
			} else {
				titles = append(titles, title(k))
			}
		}
		if head == nil {
			head = titles
		}
		if slices.Equal(head, titles) {
			lines = append(lines, line)
		}
	}
	if head == nil {
		return ""
	}
	width := make([]int, len(head))
	for _, line := range append(lines, head) {
		for i, cell := range line {
			width[i] = max(width[i], len(cell))
		}
	}
	var b strings.Builder
	write := func(line []string) {
		for i, cell := range line {
			fmt.Fprintf(&b, "| %-*s ", width[i], cell)
		}
		b.WriteString("|\n")
	}
	write(head)
	for _, w := range width {
		b.WriteString("|:" + strings.Repeat("-", w) + ":")
	}
	b.WriteString("|\n")
	for _, line := range lines {
		write(line)
	}
	return b.String()
}

func lastEval(history []Row) Row {
	for _, row := range slices.Backward(history) {
		if _, ok := row["eval_runtime"]; ok {
			return maps.Clone(row)
		}
	}
	return nil
}

// title turns eval_macro_f1 into Macro F1.
func title(key string) string {
	words := strings.Split(strings.TrimPrefix(key, "eval_"), "_")
	for i, w := range words {
		if r := []rune(w); len(r) > 0 {
			r[0] = unicode.ToUpper(r[0])
			words[i] = string(r)
		}
	}
	return strings.Join(words, " ")
}

// short returns a number with at most four decimals, as the reference's cards have it.
func short(v float64) string {
	s := checkpoint.Repr(v)
	if _, decimals, ok := strings.Cut(s, "."); ok && len(decimals) > 4 {
		return strconv.FormatFloat(v, 'f', 4, 64)
	}
	return s
}
