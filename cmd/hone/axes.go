package main

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/hone-ml/hone/internal/spell"
	"github.com/hone-ml/hone/sweep"
)

// spread makes --vary NAME=A,B of every --NAME A,B of hone sweep whose flag takes a single value, so that the rest of
// the command line is that of hone train.
func spread(args []string, app *kong.Application) []string {
	at := slices.Index(args, "sweep")
	node := command(app, "sweep")
	if at < 0 || node == nil {
		return args
	}
	out := slices.Clone(args[:at+1])
	for i := at + 1; i < len(args); i++ {
		name, value, hasValue := strings.Cut(strings.TrimPrefix(args[i], "--"), "=")
		flag := flagOf(node, name)
		if !strings.HasPrefix(args[i], "--") || flag == nil || !single(flag) {
			out = append(out, args[i])
			continue
		}
		next := ""
		if !hasValue && i+1 < len(args) {
			next = args[i+1]
		}
		switch {
		case hasValue && several(value):
			out = append(out, "--vary="+name+"="+value)
		case !hasValue && several(next) && !strings.HasPrefix(next, "--"):
			out = append(out, "--vary="+name+"="+next)
			i++
		default:
			out = append(out, args[i])
		}
	}
	return out
}

// several reports whether a value is a list or a range.
func several(value string) bool { return strings.Contains(value, ",") || strings.Contains(value, "..") }

func command(app *kong.Application, name string) *kong.Node {
	for _, n := range app.Children {
		if n.Name == name {
			return n
		}
	}
	return nil
}

func flagOf(n *kong.Node, name string) *kong.Flag {
	for _, f := range n.Flags {
		if f.Name == name {
			return f
		}
	}
	return nil
}

// fewWords are the flags whose value is one of a few words, without commas of their own.
var fewWords = []string{"lr_scheduler_type", "optim", "train_sampling_strategy", "lora_bias"}

// single reports whether a flag takes one number, yes or no, or one of a few words.
func single(f *kong.Flag) bool {
	return number(f) || kind(f) == reflect.Bool || slices.Contains(fewWords, f.Name)
}

func number(f *kong.Flag) bool { return whole(f) || kind(f) == reflect.Float64 }

func whole(f *kong.Flag) bool { return kind(f) == reflect.Int || kind(f) == reflect.Int64 }

func kind(f *kong.Flag) reflect.Kind {
	t := f.Target.Type()
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Kind()
}

// unvaried are flags that a sweep can't vary: runs would not be comparable, or not find their folders.
var unvaried = []string{"model", "model_revision", "from_scratch", "tokenizer", "dataset", "dataset_config", "dataset_revision", "task", "text_column",
	"label_column", "prompt_column", "completion_column", "messages_column", "labels", "train_split", "eval_split", "test_size", "max_eval_samples",
	"output_dir", "resume_from_checkpoint", "metric_for_best_model", "greater_is_better", "eval_strategy",
	"config", "vary", "trials", "trials_seed", "keep_all", "dry_run", "json", "help"}

// axes collects what is varied: on the command line, and in the file of --config, whose other values become the command's
// where the command line has none.
func (c *sweepCommand) axes(node *kong.Node, set map[string]bool) (axes []sweep.Axis, err error) {
	add := func(a sweep.Axis, err error) error {
		if err != nil {
			return err
		}
		f := flagOf(node, a.Name)
		switch {
		case f == nil || slices.Contains(unvaried, a.Name):
			return fmt.Errorf("a sweep can't vary %s", a.Name)
		case a.Range != nil && !number(f):
			return fmt.Errorf("%s takes no number, so that there is no range of it: list the values", a.Name)
		case a.Range != nil:
			a.Range.Whole = whole(f)
		}
		set[a.Name] = true
		axes = append(axes, a)
		return nil
	}
	for _, v := range c.Vary {
		name, values, ok := strings.Cut(v, "=")
		name = strings.ReplaceAll(name, "-", "_")
		if !ok || set[name] && !slices.Contains(unvaried, name) {
			return nil, fmt.Errorf("--vary %s: expected NAME=A,B,C or NAME=LOW..HIGH of a flag that isn't given otherwise", v)
		}
		if flagOf(node, name) == nil {
			return nil, fmt.Errorf("--vary %s: there is no flag %s%s", v, name, spell.Hint(name, flagNames(node)))
		}
		if err := add(sweep.ParseAxis(name, values)); err != nil {
			return nil, err
		}
	}
	if c.Config == "" {
		return axes, nil
	}
	f, err := os.Open(c.Config)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	values, err := readYAML(f)
	if err != nil {
		return nil, err
	}
	for _, name := range values.names() {
		flag := flagOf(node, name)
		if flag == nil || name == "config" || name == "vary" {
			return nil, fmt.Errorf("%s has an unknown name %q%s (hone sweep --help lists all)", c.Config, name, spell.Hint(name, flagNames(node)))
		}
		if set[name] {
			continue
		}
		axis, err := yamlAxis(flag, values[name])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.Config, err)
		}
		if axis != nil {
			err = add(*axis, nil)
		} else {
			set[name] = true
			err = put(flag, values[name])
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.Config, err)
		}
	}
	return axes, nil
}

func flagNames(n *kong.Node) (names []string) {
	for _, f := range n.Flags {
		names = append(names, f.Name)
	}
	return names
}

// yamlAxis returns what a value of a YAML file varies, nil if it is just a value: [a, b] varies a flag that takes one
// value and [[a, b], [c]] one that takes several; {min: a, max: b} is a range, {min: a, max: b, scale: log} or linear too.
func yamlAxis(f *kong.Flag, value any) (*sweep.Axis, error) {
	switch v := value.(type) {
	case string:
		if single(f) && several(v) {
			a, err := sweep.ParseAxis(f.Name, v)
			return &a, err
		}
	case []any:
		var values []string
		for _, x := range v {
			list, isList := x.([]any)
			if kind(f) == reflect.Slice && !isList {
				return nil, nil
			}
			text := fmt.Sprint(x)
			if isList {
				parts := make([]string, len(list))
				for i, y := range list {
					parts[i] = fmt.Sprint(y)
				}
				text = strings.Join(parts, ",")
			}
			values = append(values, text)
		}
		a, err := sweep.NewAxis(f.Name, values)
		return &a, err
	case map[string]any:
		if kind(f) == reflect.Map {
			return nil, nil
		}
		return yamlRange(f.Name, v)
	}
	return nil, nil
}

func yamlRange(name string, v map[string]any) (*sweep.Axis, error) {
	a, err := sweep.ParseAxis(name, fmt.Sprintf("%v..%v", v["min"], v["max"]))
	if err != nil {
		return nil, err
	}
	for key, x := range v {
		switch {
		case key == "min" || key == "max":
		case key == "scale" && x == "linear":
			a.Range.Log = false
		case key == "scale" && x == "log" && a.Range.Low > 0:
			a.Range.Log = true
		default:
			return nil, fmt.Errorf("%s: a range is {min: LOW, max: HIGH} and perhaps scale: linear or, above 0, log; not %s: %v", name, key, x)
		}
	}
	return &a, nil
}

// put gives a flag's field a value, which is a string or what YAML makes of one.
func put(f *kong.Flag, value any) error {
	v, err := yamlConfig{f.Name: value}.Resolve(nil, nil, f)
	if err != nil || v == nil {
		return err
	}
	f.Target.SetZero()
	return f.Parse(kong.ScanFromTokens(kong.Token{Type: kong.FlagValueToken, Value: v}), f.Target)
}
