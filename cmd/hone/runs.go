package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/hone-ml/hone/lora"
	"github.com/hone-ml/hone/model"
	"github.com/hone-ml/hone/train"
)

type runsCommand struct {
	Dir  string `help:"Look below this folder." default:"." placeholder:"DIR"`
	Json bool   `help:"Print a JSON object of each, a line each."`
}

func (c runsCommand) Run(a *app) error {
	list, err := findRuns(c.Dir)
	if err != nil {
		return err
	}
	if !c.Json && len(list) > 0 {
		fmt.Fprintf(a.stdout, "%-28s %-18s %-22s %9s  %s\n", "folder", "model", "result", "size", "date")
	}
	for _, r := range list {
		if c.Json {
			err = json.NewEncoder(a.stdout).Encode(r)
		} else {
			_, err = fmt.Fprintf(a.stdout, "%-28s %-18s %-22s %9s  %s\n", r.Dir, r.Model, r.result(), size(r.Bytes), r.Modified.Format(time.DateOnly))
		}
		if err != nil {
			return err
		}
	}
	if len(list) == 0 {
		a.say("There is no run of hone train below %s.", c.Dir)
	}
	return nil
}

// A trainedRun is a folder that hone train wrote to.
type trainedRun struct {
	Dir      string             `json:"dir"`
	Model    string             `json:"model"`    // what kind: gpt2, or adapter of gpt2
	Finished bool               `json:"finished"` // the model is there; else only checkpoints are
	Metrics  map[string]float64 `json:"metrics,omitempty"`
	Bytes    int64              `json:"bytes"`
	Modified time.Time          `json:"modified"`
}

// result is the metric that people ask for first.
func (r trainedRun) result() string {
	if !r.Finished {
		return "unfinished"
	}
	for _, m := range []struct{ key, format string }{{"eval_accuracy", "accuracy %.4f"}, {"eval_perplexity", "perplexity %.3f"}, {"eval_loss", "loss %.4f"}, {"train_loss", "training loss %.4f"}} {
		if v, ok := r.Metrics[m.key]; ok {
			return fmt.Sprintf(m.format, v)
		}
	}
	return ""
}

const (
	runDepth = 5      // folders below which nobody looks for runs
	runLimit = 10_000 // entries that are looked at
)

// findRuns looks for runs in dir and below; folders of runs and hidden ones are not searched.
func findRuns(dir string) (list []trainedRun, err error) {
	seen := 0
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if seen++; seen > runLimit {
			return filepath.SkipAll
		}
		if err != nil || !e.IsDir() {
			if path == dir {
				return err
			}
			return nil
		}
		rel, _ := filepath.Rel(dir, path)
		if path != dir && strings.HasPrefix(e.Name(), ".") || strings.Count(filepath.ToSlash(rel), "/") >= runDepth {
			return filepath.SkipDir
		}
		if r, ok := openRun(path); ok {
			list = append(list, r)
			return filepath.SkipDir
		}
		return nil
	})
	slices.SortStableFunc(list, func(a, b trainedRun) int { return b.Modified.Compare(a.Modified) })
	return list, err
}

var checkpointName = regexp.MustCompile(`^checkpoint-\d+$`)

// openRun reads what a run left in dir. What tells it is training_args.json, which only hone writes, in the folder or
// in its checkpoints.
func openRun(dir string) (r trainedRun, ok bool) {
	r.Dir = dir
	mark := filepath.Join(dir, "training_args.json")
	if info, err := os.Stat(mark); err == nil {
		r.Finished, r.Modified, ok = true, info.ModTime(), true
	}
	entries, _ := os.ReadDir(dir)
	from := dir
	for _, e := range entries {
		if !e.IsDir() || !checkpointName.MatchString(e.Name()) {
			continue
		}
		if info, err := os.Stat(filepath.Join(dir, e.Name(), "training_args.json")); err == nil && !r.Finished {
			ok, from = true, filepath.Join(dir, e.Name())
			if info.ModTime().After(r.Modified) {
				r.Modified = info.ModTime()
			}
		}
	}
	if !ok {
		return r, false
	}
	if c, err := lora.LoadConfig(from); err == nil {
		r.Model = "adapter of " + modelName(c.BaseModel)
	} else if c, err := model.LoadConfig(from); err == nil {
		r.Model = c.ModelType
	}
	var row train.Row
	if b, err := os.ReadFile(filepath.Join(dir, "all_results.json")); err == nil && row.UnmarshalJSON(b) == nil {
		r.Metrics = row
	}
	r.Bytes = bytesOf(dir)
	return r, true
}

func bytesOf(dir string) (n int64) {
	filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			if info, err := e.Info(); err == nil {
				n += info.Size()
			}
		}
		return nil
	})
	return n
}

// ownFile matches what hone writes into the folder of a run and into its checkpoints.
var ownFile = regexp.MustCompile(`^(training_args|trainer_state|checkpoint|resume|config|generation_config|verbalizer|adapter_config|(all|train|eval|test|predict)_results` +
	`|tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab|model\.safetensors\.index)\.json$|^(model|adapter_model|optimizer)(-\d{5}-of-\d{5})?\.safetensors$` +
	`|^(merges\.txt|chat_template\.jinja|README\.md|events\.jsonl)$|^.+\.tmp-[0-9a-f]{16}$`)

// strange returns the first thing in the folder of a run that hone did not write, or "".
func strange(dir string) (string, error) {
	found := ""
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		top, _, _ := strings.Cut(filepath.ToSlash(rel), "/")
		switch {
		case e.IsDir() && (checkpointName.MatchString(rel) || top == "runs" || rel == "additional_chat_templates"):
			return nil
		case !e.IsDir() && e.Type().IsRegular() && (ownFile.MatchString(e.Name()) || top == "runs" && strings.HasPrefix(e.Name(), "events.out.tfevents.") ||
			filepath.Dir(rel) == "additional_chat_templates" && strings.HasSuffix(rel, ".jinja")):
			return nil
		}
		found = path
		return filepath.SkipAll
	})
	return found, err
}

// removable returns the run in dir, or an error that says why it is not for hone to remove.
func removable(dir string) (trainedRun, error) {
	info, err := os.Lstat(dir)
	if err != nil {
		return trainedRun{}, err
	}
	if !info.IsDir() {
		return trainedRun{}, fmt.Errorf("%s is not the folder of a run", dir)
	}
	r, ok := openRun(dir)
	if !ok {
		return r, fmt.Errorf("%s is not the folder of a run of hone train (it has no training_args.json), so it is left alone", dir)
	}
	if abs, err := filepath.Abs(dir); err != nil {
		return r, err
	} else if wd, err := os.Getwd(); err == nil && (wd == abs || strings.HasPrefix(wd, abs+string(filepath.Separator))) {
		return r, fmt.Errorf("%s holds the current folder: go elsewhere first", dir)
	}
	other, err := strange(dir)
	if err == nil && other != "" {
		err = errors.New(other + " is not hone's, so the run is left alone: move it elsewhere first")
	}
	return r, err
}
