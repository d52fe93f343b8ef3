package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/hone-ml/hone/train"
)

// A Recorder appends what happens in a training run to an events file. It is safe for concurrent use; nil records
// nothing.
type Recorder struct {
	mu   sync.Mutex
	file *os.File
	last train.Progress
}

// Record opens an events file to append to. The file is locked until Close or the end of the process: that another
// process has it open is an error.
func Record(path string) (*Recorder, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		return nil, fmt.Errorf("jobs: events_file: %w", err)
	}
	err = lock(f)
	for try := 0; errors.Is(err, errLocked) && try < 10; try++ { // for a moment a server may hold it, to see whether it is held
		time.Sleep(50 * time.Millisecond)
		err = lock(f)
	}
	if err != nil {
		f.Close()
		if errors.Is(err, errLocked) {
			return nil, fmt.Errorf("jobs: events_file %s belongs to a run that is still going on", path)
		}
		return nil, fmt.Errorf("jobs: events_file %s can't be locked: %w; choose a folder on another disk", path, err)
	}
	r := &Recorder{file: f}
	if err := errors.Join(endLine(f), r.write(Event{Type: "message", PID: os.Getpid(), Message: "the worker has started"})); err != nil {
		f.Close()
		return nil, fmt.Errorf("jobs: events_file: %w", err)
	}
	return r, nil
}

// endLine ends a line that a killed process left in the middle.
func endLine(f *os.File) error {
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return err
	}
	var last [1]byte
	if _, err := f.ReadAt(last[:], info.Size()-1); err != nil || last[0] == '\n' {
		return err
	}
	_, err = f.Write([]byte{'\n'})
	return err
}

// Close gives the file back.
func (r *Recorder) Close() error { return r.file.Close() }

// write appends one event in one call, so that lines of two processes don't mix.
func (r *Recorder) write(e Event) error {
	if r == nil {
		return nil
	}
	return appendEvent(r.file, e)
}

func appendEvent(f *os.File, e Event) error {
	e.Time = float64(time.Now().UnixMicro()) / 1e6
	b, err := json.Marshal(e)
	if err != nil {
		return err
	}
	_, err = f.Write(append(b, '\n'))
	return err
}

// Say writes a message.
func (r *Recorder) Say(format string, args ...any) {
	if text := strings.TrimSpace(fmt.Sprintf(format, args...)); text != "" {
		r.write(Event{Type: "message", Message: text}) // what can't be written of this is no reason to stop training
	}
}

// End writes how a run ended that is not done: err may be nil. A run that ended because ctx did has not failed.
func (r *Recorder) End(ctx context.Context, err error) {
	cut := (*train.Interrupted)(nil)
	switch {
	case err == nil:
	case errors.As(err, &cut):
		r.write(Event{Type: "message", Step: cut.Step, MaxSteps: cut.MaxSteps, Message: fmt.Sprintf("interrupted after step %d of %d and saved", cut.Step, cut.MaxSteps)})
	case ctx.Err() != nil:
		r.write(Event{Type: "message", Message: "interrupted: nothing was lost since the last checkpoint"})
	default:
		r.write(Event{Type: "error", Message: strings.TrimPrefix(err.Error(), "hone: ")})
	}
}

// Done writes that everything is on the disk: the final metrics, and where.
func (r *Recorder) Done(state *train.State, metrics train.Row, dir string) error {
	return r.write(Event{Type: "done", Step: state.GlobalStep, MaxSteps: state.MaxSteps, Epoch: state.Epoch, Metrics: numbers(metrics, ""), OutputDir: dir})
}

// Hooks follow the run.
func (r *Recorder) Hooks() train.Hooks {
	if r == nil {
		return train.Hooks{}
	}
	return train.Hooks{
		Start: func(p train.Plan) {
			r.write(Event{Type: "plan", Step: p.FirstStep, MaxSteps: p.MaxSteps, MemoryBytes: p.Bytes})
		},
		Step: func(p train.Progress) error {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.last = p
			return nil
		},
		Log: r.log,
		Save: func(dir string, step int) error {
			return r.write(r.at(Event{Type: "checkpoint", Step: step, OutputDir: dir}))
		},
		Warn: func(message string) { r.write(Event{Type: "message", Level: "warn", Message: message}) },
	}
}

// log writes a row of the history: losses, or an evaluation. The last row, the summary, is part of Done.
func (r *Recorder) log(row train.Row) error {
	if _, ok := row["train_loss"]; ok {
		return nil
	}
	e := Event{Type: "eval", Step: int(row["step"]), Epoch: row["epoch"]}
	if loss, ok := row["loss"]; ok {
		e.Type, e.Loss, e.GradNorm, e.LearningRate = "log", number(loss), number(row["grad_norm"]), number(row["learning_rate"])
	} else {
		e.Metrics = numbers(row, "eval_")
	}
	return r.write(r.at(e))
}

// at adds how fast the run is and what is left of it.
func (r *Recorder) at(e Event) Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := &r.last
	e.MaxSteps, e.TokensPerSecond, e.SecondsLeft, e.MemoryBytes = p.MaxSteps, p.TokensPerSecond, p.Remaining.Seconds(), p.Bytes
	return e
}

func number(x float64) *Number {
	n := Number(x)
	return &n
}

// numbers returns those of row whose name begins with prefix.
func numbers(row train.Row, prefix string) map[string]Number {
	m := map[string]Number{}
	for name, x := range row {
		if strings.HasPrefix(name, prefix) {
			m[name] = Number(x)
		}
	}
	return m
}
