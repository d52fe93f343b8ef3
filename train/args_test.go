package train

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
)

// parse reads a command line with Args in it.
func parse(t *testing.T, line ...string) (Args, error) {
	t.Helper()
	var cli struct {
		Args `embed:""`
	}
	k, err := kong.New(&cli, kong.Exit(func(int) {}))
	if err != nil {
		t.Fatal(err)
	}
	_, err = k.Parse(line)
	return cli.Args, err
}

func TestDefaultsAreTheReferences(t *testing.T) {
	want := map[string]any{"output_dir": "trainer_output", "per_device_train_batch_size": 8., "num_train_epochs": 3., "max_steps": -1.,
		"learning_rate": 5e-5, "lr_scheduler_type": "linear", "warmup_steps": 0., "adam_beta1": 0.9, "adam_beta2": 0.999, "adam_epsilon": 1e-8,
		"weight_decay": 0., "max_grad_norm": 1., "gradient_accumulation_steps": 1., "label_smoothing_factor": 0., "logging_steps": 500.,
		"logging_strategy": "steps", "logging_nan_inf_filter": true, "eval_strategy": "no", "eval_steps": nil, "save_strategy": "steps",
		"save_steps": 500., "save_total_limit": nil, "seed": 42., "data_seed": nil, "train_sampling_strategy": "random", "report_to": "none",
		"optim": "adamw_torch_fused", "greater_is_better": nil, "lr_scheduler_kwargs": nil}
	b, err := json.Marshal(Defaults())
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	for k, v := range want {
		if g, ok := got[k]; !ok || g != v {
			t.Errorf("%s is %v, reference %v", k, g, v)
		}
	}
	a, err := parse(t)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(Defaults(), a); d != "" {
		t.Errorf("an empty command line is not the defaults:\n%s", d)
	}
}

func TestTagsAgree(t *testing.T) {
	typ := reflect.TypeFor[Args]()
	for i := range typ.NumField() {
		f := typ.Field(i)
		name := f.Tag.Get("name")
		if f.Tag.Get("json") != name || f.Tag.Get("yaml") != name || name == "" {
			t.Errorf("%s has the names %s", f.Name, f.Tag)
		}
		if help := f.Tag.Get("help"); len(help) < 20 || !strings.HasSuffix(help, ".") && !strings.HasSuffix(help, "…") {
			t.Errorf("%s: help %q is no sentence", name, help)
		}
	}
	if !slices.Contains(Names(), "learning_rate") || len(Names()) != typ.NumField() {
		t.Errorf("Names() = %v", Names())
	}
}

func TestJSONYAMLAndFlagsAgree(t *testing.T) {
	const doc = `{"learning_rate": 3e-4, "eval_steps": 0.1, "data_seed": 7, "greater_is_better": false, "save_total_limit": 2,
		"lr_scheduler_type": "cosine", "lr_scheduler_kwargs": {"num_cycles": 1.5}, "resume_from_checkpoint": true, "logging_nan_inf_filter": false}`
	want := Defaults()
	if err := json.Unmarshal([]byte(doc), &want); err != nil {
		t.Fatal(err)
	}
	if want.ResumeFromCheckpoint != "true" || want.LRSchedulerKwargs["num_cycles"] != 1.5 || *want.DataSeed != 7 {
		t.Errorf("JSON gave %+v", want)
	}
	got := Defaults()
	const y = "learning_rate: 3e-4\neval_steps: 0.1\ndata_seed: 7\ngreater_is_better: false\nsave_total_limit: 2\nlr_scheduler_type: cosine\n" +
		"lr_scheduler_kwargs:\n  num_cycles: 1.5\nresume_from_checkpoint: true\nlogging_nan_inf_filter: false\n"
	if err := yaml.UnmarshalWithOptions([]byte(y), &got, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("YAML differs from JSON:\n%s", d)
	}
	got, err := parse(t, "--learning_rate=3e-4", "--eval_steps", "0.1", "--data_seed=7", "--greater_is_better=false", "--save_total_limit=2",
		"--lr_scheduler_type=cosine", `--lr_scheduler_kwargs={"num_cycles": 1.5}`, "--resume_from_checkpoint=true", "--no-logging_nan_inf_filter")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("flags differ from JSON:\n%s", d)
	}
	b, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	got = Defaults()
	if err := json.Unmarshal(b, &got); err != nil || !cmp.Equal(want, got) {
		t.Errorf("%v: training_args.json does not come back: %s", err, cmp.Diff(want, got))
	}
}

func TestCheck(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{`{}`, ""},
		{`{"lr_scheduler_type": "linera"}`, `did you mean "linear"?`},
		{`{"lr_scheduler_type": "greedy"}`, "not supported"},
		{`{"eval_strategy": "step"}`, `did you mean "steps"?`},
		{`{"save_strategy": "always"}`, "no, steps, epoch, best"},
		{`{"optim": "sgd"}`, "adamw_torch"},
		{`{"max_steps": 0}`, "max_steps is 0"},
		{`{"num_train_epochs": 0}`, "num_train_epochs is 0"},
		{`{"num_train_epochs": 0, "max_steps": 5}`, ""},
		{`{"warmup_steps": -1}`, "warmup_steps is -1"},
		{`{"label_smoothing_factor": 1}`, "label_smoothing_factor is 1"},
		{`{"logging_steps": 0}`, "logging_steps is 0"},
		{`{"logging_steps": 0, "logging_strategy": "no"}`, ""},
		{`{"logging_steps": 2.5}`, "logging_steps is 2.5"},
		{`{"save_total_limit": 0}`, "save_total_limit is 0"},
		{`{"load_best_model_at_end": true}`, "set both to epoch"},
		{`{"load_best_model_at_end": true, "eval_strategy": "epoch", "save_strategy": "epoch"}`, ""},
		{`{"load_best_model_at_end": true, "eval_strategy": "steps", "save_strategy": "best"}`, ""},
		{`{"load_best_model_at_end": true, "eval_strategy": "steps", "eval_steps": 200}`, "multiple of eval_steps (200)"},
		{`{"load_best_model_at_end": true, "eval_strategy": "steps", "eval_steps": 0.1}`, "both counts or both shares"},
		{`{"load_best_model_at_end": true, "eval_strategy": "steps", "eval_steps": 0.1, "save_steps": 0.3}`, ""},
		{`{"load_best_model_at_end": true, "eval_strategy": "steps", "eval_steps": 0.2, "save_steps": 0.3}`, "multiple of eval_steps"},
		{`{"lr_scheduler_type": "reduce_lr_on_plateau"}`, "set eval_strategy"},
		{`{"save_strategy": "best", "eval_strategy": "epoch"}`, "metric_for_best_model"},
		{`{"early_stopping_patience": 2}`, "early_stopping_patience is 2"},
	} {
		a := Defaults()
		if err := json.Unmarshal([]byte(c.args), &a); err != nil {
			t.Fatal(err)
		}
		err := a.Check()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: error %v, want %q", c.args, err, c.want)
		}
	}
}

func TestCheckDerives(t *testing.T) {
	a := Defaults()
	a.EvalStrategy, a.LoggingSteps, a.LoadBestModelAtEnd, a.SaveSteps = "steps", 20, true, 40
	if err := a.Check(); err != nil {
		t.Fatal(err)
	}
	if *a.EvalSteps != 20 || a.MetricForBestModel != "loss" || *a.GreaterIsBetter || a.metric() != "eval_loss" {
		t.Errorf("derived eval_steps %v, metric %q, greater_is_better %v", *a.EvalSteps, a.MetricForBestModel, *a.GreaterIsBetter)
	}
	a = Defaults()
	a.MetricForBestModel = "accuracy"
	if err := a.Check(); err != nil || !*a.GreaterIsBetter {
		t.Errorf("accuracy: %v, %v", err, a.GreaterIsBetter)
	}
}

func TestWarmupEqualsReference(t *testing.T) {
	var f struct {
		Warmups []struct {
			Given float64 `json:"warmup_steps"`
			Max   int     `json:"max_steps"`
			Steps int
		} `json:"warmup_steps"`
	}
	readJSON(t, "schedules.json", &f)
	for _, c := range f.Warmups {
		if got := (&Args{WarmupSteps: c.Given}).warmup(c.Max); got != c.Steps {
			t.Errorf("warmup_steps %v of %d steps are %d, reference %d", c.Given, c.Max, got, c.Steps)
		}
	}
}

func TestResumeWords(t *testing.T) {
	for in, want := range map[string]Resume{`null`: "", `true`: "true", `false`: "false", `"out/checkpoint-5"`: "out/checkpoint-5"} {
		var r Resume
		if err := json.Unmarshal([]byte(in), &r); err != nil || r != want {
			t.Errorf("%s: %q, %v", in, r, err)
		}
	}
	var r Resume
	if err := json.Unmarshal([]byte(`5`), &r); err == nil {
		t.Error("a number is no checkpoint")
	}
}

func TestUnknown(t *testing.T) {
	for name, want := range map[string]string{"evaluation_strategy": "eval_strategy", "fp16": "float32", "learning_rat": "did you mean learning_rate",
		"lerning_rate": "did you mean learning_rate", "banana": "no argument banana", "warmup_ratio": "below 1 is a ratio"} {
		if err := Unknown(name); !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	for _, name := range Names() {
		if _, ok := renamed[name]; ok || slices.Contains(absent, name) {
			t.Errorf("%s is said to be absent", name)
		}
	}
}

func TestSteps(t *testing.T) {
	for _, c := range []struct {
		args            string
		examples        int
		perEpoch, total int
	}{
		{`{}`, 57, 8, 24}, {`{"gradient_accumulation_steps": 3}`, 57, 3, 9}, {`{"num_train_epochs": 0.3}`, 57, 8, 3}, {`{"max_steps": 5}`, 57, 8, 5},
		{`{"dataloader_drop_last": true}`, 57, 7, 21}, {`{"dataloader_drop_last": true}`, 5, 1, 3},
	} {
		a := Defaults()
		if err := json.Unmarshal([]byte(c.args), &a); err != nil {
			t.Fatal(err)
		}
		if per, total := a.Steps(c.examples); per != c.perEpoch || total != c.total {
			t.Errorf("%s with %d examples: %d steps per epoch, %d in all; want %d, %d", c.args, c.examples, per, total, c.perEpoch, c.total)
		}
	}
}
