package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"github.com/alecthomas/kong"
	"github.com/goccy/go-yaml"
	"github.com/hone-ml/hone/internal/spell"
)

// snakeCase names flags as TrainingArguments names its fields: LearningRate is learning_rate.
func snakeCase(field string) string {
	var b strings.Builder
	for i, r := range field {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// normalize makes --learning-rate of the command line --learning_rate; known are the flags with a dash of their own,
// which are those that --no- switches off.
func normalize(args []string, known map[string]bool) []string {
	args = slices.Clone(args)
	for i, arg := range args {
		if arg == "--" {
			break
		}
		if name, ok := strings.CutPrefix(arg, "--"); ok {
			name, value, hasValue := strings.Cut(name, "=")
			name = strings.ReplaceAll(name, "-", "_")
			if flag, ok := strings.CutPrefix(name, "no_"); ok && known[flag] {
				name = "no-" + flag
			}
			args[i] = "--" + name
			if hasValue {
				args[i] += "=" + value
			}
		}
	}
	return args
}

// negatable lists the flags that --no- switches off.
func negatable(app *kong.Application) map[string]bool {
	names := map[string]bool{}
	for _, command := range app.Children {
		for _, f := range command.Flags {
			if f.Tag.Negatable != "" {
				names[f.Name] = true
			}
		}
	}
	return names
}

// resume reads --resume_from_checkpoint, which kong would take for JSON.
func resume(ctx *kong.DecodeContext, target reflect.Value) error {
	var where string
	if err := ctx.Scan.PopValueInto("checkpoint", &where); err != nil {
		return errors.New("expected a checkpoint's folder, or true for the last one")
	}
	target.SetString(where)
	return nil
}

// maxConfig bounds a run's YAML file.
const maxConfig = 1 << 20

// loadYAML reads the file of --config: the flags of hone train by name. What stands on the command line wins.
func loadYAML(r io.Reader) (kong.Resolver, error) { return readYAML(r) }

func readYAML(r io.Reader) (yamlConfig, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxConfig+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxConfig {
		return nil, errors.New("the file has more than a MiB; a run's settings have a page")
	}
	values := yamlConfig{}
	if err := yaml.Unmarshal(b, &values); err != nil {
		name := "the configuration"
		if f, ok := r.(*os.File); ok {
			name = f.Name()
		}
		return nil, fmt.Errorf("%s: %s", name, strings.TrimRight(yaml.FormatError(err, false, true), "\n"))
	}
	for name, v := range values {
		delete(values, name)
		values[strings.ReplaceAll(name, "-", "_")] = v
	}
	return values, nil
}

// A yamlConfig resolves flags of hone train.
type yamlConfig map[string]any

// Validate refuses names that are no flag, with the nearest one that is.
func (c yamlConfig) Validate(app *kong.Application) error {
	var known []string
	for _, n := range app.Children {
		if n.Name == "train" {
			for _, f := range n.Flags {
				known = append(known, f.Name)
			}
		}
	}
	for _, f := range app.Flags {
		known = append(known, f.Name)
	}
	for name := range c {
		if slices.Contains(known, name) && name != "config" {
			continue
		}
		return fmt.Errorf("the configuration has an unknown name %q%s (hone train --help lists all)", name, spell.Hint(name, known))
	}
	return nil
}

// Resolve implements kong.Resolver.
func (c yamlConfig) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	switch v := c[flag.Name].(type) {
	case nil:
		return nil, nil
	case []any:
		return v, nil
	case map[string]any: // as lr_scheduler_kwargs, which are JSON on the command line
		b, err := json.Marshal(v)
		return string(b), err
	default:
		return fmt.Sprint(v), nil
	}
}

// names returns the names in order.
func (c yamlConfig) names() []string { return slices.Sorted(maps.Keys(c)) }
