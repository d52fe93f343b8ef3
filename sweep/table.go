package sweep

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hone-ml/hone/internal/disk"
)

// File is the name of the table in its folder.
const File = "sweep.json"

// maxFile bounds a table that is read.
const maxFile = 256 << 20

// A Table is the runs of a sweep, on disk. Each run has a folder beside the file.
type Table struct {
	Metric          string          `json:"metric"` // by which runs are ranked
	GreaterIsBetter bool            `json:"greater_is_better"`
	Base            json.RawMessage `json:"base"` // what all runs have in common
	Runs            []*Run          `json:"runs"`

	dir string
}

// A Run is one setting with one seed.
type Run struct {
	Name    string  `json:"name"` // of its folder
	Setting Setting `json:"setting"`
	Seed    string  `json:"seed"`
	Done    bool    `json:"done"`
	Kept    bool    `json:"kept"` // its model is there
	Result
}

// A Result is what a run achieved.
type Result struct {
	Metrics  map[string]float64 `json:"metrics,omitempty"`  // finite ones
	Examples int                `json:"examples,omitempty"` // rows that Metrics are of; 0 if not known
	Right    Marks              `json:"right,omitempty"`    // of a classifier: which rows it got right
	Seconds  float64            `json:"seconds,omitempty"`
}

// Marks are a yes or no for each row, in JSON as hexadecimal bits, the first row the highest.
type Marks []bool

// MarshalText implements encoding.TextMarshaler.
func (m Marks) MarshalText() ([]byte, error) {
	b := make([]byte, (len(m)+7)/8)
	for i, yes := range m {
		if yes {
			b[i/8] |= 0x80 >> (i % 8)
		}
	}
	return fmt.Appendf(nil, "%d:%x", len(m), b), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *Marks) UnmarshalText(text []byte) error {
	count, bits, ok := bytes.Cut(text, []byte(":"))
	var n int
	b, err := hex.DecodeString(string(bits))
	if _, e := fmt.Sscanf(string(count), "%d", &n); !ok || err != nil || e != nil || n < 0 || n > 8*len(b) || n <= 8*len(b)-8 {
		return errors.New("marks are a number of rows, a colon and as many bits in hexadecimal digits")
	}
	*m = make(Marks, n)
	for i := range *m {
		(*m)[i] = b[i/8]&(0x80>>(i%8)) != 0
	}
	return nil
}

// Open reads the table in dir, or begins one. One that was made with another base or metric is refused.
func Open(dir, metric string, greaterIsBetter bool, base json.RawMessage) (*Table, error) {
	t := &Table{Metric: metric, GreaterIsBetter: greaterIsBetter, Base: base, dir: dir}
	path := filepath.Join(dir, File)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return t, nil
	}
	if err != nil {
		return nil, fmt.Errorf("sweep: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return nil, fmt.Errorf("sweep: %w", err)
	}
	old, err := parse(b)
	if err != nil {
		return nil, fmt.Errorf("sweep: %s: %w", path, err)
	}
	if d := difference(old.Base, base); d != "" {
		return nil, fmt.Errorf("sweep: %s belongs to a sweep with other settings: %s; give the same, or choose another --output_dir", path, d)
	}
	if old.Metric != metric {
		return nil, fmt.Errorf("sweep: %s ranks by %s, not by %s; choose another --output_dir", path, old.Metric, metric)
	}
	t.Runs = old.Runs
	return t, nil
}

// parse reads a table. A run's name is that of a folder, which may be emptied: no other names are taken.
func parse(b []byte) (*Table, error) {
	var t Table
	if err := json.Unmarshal(b, &t); err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for i, r := range t.Runs {
		if r == nil || r.Name != runName(i) {
			return nil, fmt.Errorf("run %d is not called %s", i+1, runName(i))
		}
		if seen[r.key()] {
			return nil, fmt.Errorf("%s repeats an earlier run", r.Name)
		}
		seen[r.key()] = true
	}
	return &t, nil
}

func runName(i int) string { return fmt.Sprintf("run-%03d", i+1) }

func (r *Run) key() string { return r.Setting.With("seed", r.Seed).key() }

// difference names the first entry in which two JSON objects differ, "" if they don't.
func difference(was, is json.RawMessage) string {
	var x, y map[string]any
	if json.Unmarshal(was, &x) != nil || json.Unmarshal(is, &y) != nil {
		return "it has no base"
	}
	names := map[string]bool{}
	for k := range x {
		names[k] = true
	}
	for k := range y {
		names[k] = true
	}
	var all []string
	for k := range names {
		if a, b := fmt.Sprint(x[k]), fmt.Sprint(y[k]); a != b {
			all = append(all, fmt.Sprintf("%s was %v and is now %v", k, a, b))
		}
	}
	if slices.Sort(all); len(all) == 0 {
		return ""
	}
	return all[0]
}

// Plan returns the runs of every setting with every seed, seeds changing fastest; those that the table lacks are added.
func (t *Table) Plan(settings []Setting, seeds []string) []*Run {
	have := map[string]*Run{}
	for _, r := range t.Runs {
		have[r.key()] = r
	}
	var plan []*Run
	for _, s := range settings {
		for _, seed := range seeds {
			r := &Run{Name: runName(len(t.Runs)), Setting: s, Seed: seed}
			if old := have[r.key()]; old != nil {
				r = old
			} else {
				t.Runs = append(t.Runs, r)
				have[r.key()] = r
			}
			plan = append(plan, r)
		}
	}
	return plan
}

// Dir returns the folder of a run.
func (t *Table) Dir(r *Run) string { return filepath.Join(t.dir, r.Name) }

// Save writes the table.
func (t *Table) Save() error {
	b, err := json.MarshalIndent(t, "", " ")
	if err == nil {
		err = os.MkdirAll(t.dir, 0o777)
	}
	if err == nil {
		err = disk.WriteFile(filepath.Join(t.dir, File), func(w io.Writer) error {
			_, err := w.Write(append(b, '\n'))
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	return nil
}

// Finish notes that r is done and removes its checkpoints and, unless all models are kept, those that can't be the best
// any more: the best setting's best run stays, and the best so far of a setting whose seeds aren't all done.
func (t *Table) Finish(r *Run, result Result, keepAll bool) error {
	r.Done, r.Kept, r.Result = true, true, result
	if err := t.Save(); err != nil { // first: what is removed after this is known to be done
		return err
	}
	stay := t.stay()
	for _, r := range t.Runs {
		if !r.Done || !r.Kept {
			continue
		}
		keep := keepAll || slices.Contains(stay, r)
		if err := t.tidy(r, keep); err != nil {
			return fmt.Errorf("sweep: %w", err)
		}
		r.Kept = keep
	}
	return t.Save()
}

// stay returns the runs whose models are needed.
func (t *Table) stay() (runs []*Run) {
	led := false
	for _, k := range t.Ranks() {
		complete := !slices.ContainsFunc(t.Runs, func(r *Run) bool { return !r.Done && r.Setting.key() == k.Setting.key() })
		if complete && led {
			continue
		}
		led = led || complete
		if best := t.best(k.Runs); best != nil {
			runs = append(runs, best)
		}
	}
	return runs
}

// logs are the files of a run that stay when its model goes.
var logs = []string{"trainer_state.json", "training_args.json", "train_results.json", "eval_results.json", "all_results.json", "runs"}

// tidy removes the checkpoints of a run and, unless keep, its model.
func (t *Table) tidy(r *Run, keep bool) error {
	entries, err := os.ReadDir(t.Dir(r))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "checkpoint-") || !keep && !slices.Contains(logs, e.Name()) {
			err = errors.Join(err, os.RemoveAll(filepath.Join(t.Dir(r), e.Name())))
		}
	}
	return err
}
