package jobs

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"slices"
)

// An Event is a line of an events file. Fields that don't apply are left out.
type Event struct {
	Time  float64 `json:"time"` // Unix, seconds
	Type  string  `json:"type"` // plan, log, eval, checkpoint, message, done or error
	Level string  `json:"level,omitempty"`
	PID   int     `json:"pid,omitempty"`   // of the worker whose first event this is
	Start int     `json:"start,omitempty"` // the server is about to start a job's worker for that time

	Step            int     `json:"step,omitempty"` // of a plan: the updates that were done before
	MaxSteps        int     `json:"max_steps,omitempty"`
	Epoch           float64 `json:"epoch,omitempty"`
	Loss            *Number `json:"loss,omitempty"`
	GradNorm        *Number `json:"grad_norm,omitempty"`
	LearningRate    *Number `json:"learning_rate,omitempty"`
	TokensPerSecond float64 `json:"tokens_per_second,omitempty"`
	SecondsLeft     float64 `json:"seconds_left,omitempty"`
	MemoryBytes     int64   `json:"memory_bytes,omitempty"`

	Metrics   map[string]Number `json:"metrics,omitempty"` // of an evaluation or of the end, by their names in trainer_state.json
	Message   string            `json:"message,omitempty"`
	OutputDir string            `json:"output_dir,omitempty"`
}

// A Number is a float64 that is null in JSON where it is not finite, which JSON can't say.
type Number float64

// MarshalJSON writes the number or null.
func (n Number) MarshalJSON() ([]byte, error) {
	if x := float64(n); math.IsNaN(x) || math.IsInf(x, 0) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

// UnmarshalJSON reads a number; null is NaN.
func (n *Number) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*n = Number(math.NaN())
		return nil
	}
	return json.Unmarshal(b, (*float64)(n))
}

// Limits of an events file that is read.
const (
	maxEvents    = 256 << 20 // bytes
	maxEventLine = 1 << 20
)

// A line is an event with its place in the file, which is its name for those who page.
type line struct {
	Event
	n    int    // from 0, over all lines of the file
	text []byte // without the line feed
}

// readEvents returns the events of a file: none if it isn't there. Lines that are no event are passed over, for a
// process may be killed within a line.
func readEvents(path string) ([]line, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("jobs: %w", err)
	}
	defer f.Close()
	return parseEvents(io.LimitReader(f, maxEvents))
}

func parseEvents(r io.Reader) ([]line, error) {
	var all []line
	scan := bufio.NewScanner(r)
	scan.Buffer(make([]byte, 64<<10), maxEventLine)
	for n := 0; scan.Scan(); n++ {
		if l, ok := parseEvent(scan.Bytes(), n); ok {
			all = append(all, l)
		}
	}
	return all, scan.Err()
}

func parseEvent(text []byte, n int) (line, bool) {
	l := line{n: n, text: bytes.Clone(text)}
	return l, json.Unmarshal(text, &l.Event) == nil && l.Type != ""
}

// history returns the events that count: where a worker went on from a checkpoint, what an earlier one did after that
// step was lost and is left out, so that every step is there once.
func history(all []line) []line {
	lost := math.MaxInt // steps after this one were lost, as a later plan says
	kept := make([]line, 0, len(all))
	type key struct {
		kind string
		step int
	}
	seen := map[key]bool{}
	for _, l := range slices.Backward(all) {
		switch l.Type {
		case "plan":
			lost = min(lost, l.Step)
			kept = append(kept, l)
		case "log", "eval", "checkpoint":
			k := key{l.Type, l.Step}
			if l.Step <= lost && !seen[k] {
				kept = append(kept, l)
			}
			seen[k] = true
		default:
			kept = append(kept, l)
		}
	}
	slices.Reverse(kept)
	return kept
}

// outcome returns the event that ended the last worker, done or error, or nil if it ended without a word.
func outcome(all []line) *Event {
	for i := len(all) - 1; i >= 0 && all[i].PID == 0 && all[i].Start == 0; i-- {
		if e := &all[i].Event; e.Type == "done" || e.Type == "error" {
			return e
		}
	}
	return nil
}

// lastPID returns the process id that the last worker wrote down, 0 if none has.
func lastPID(all []line) int {
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].PID != 0 {
			return all[i].PID
		}
	}
	return 0
}
