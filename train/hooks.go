package train

import (
	"errors"
	"time"
)

// ErrStop, returned by a hook, ends training after the current update as if it had been the last one, with a
// checkpoint.
var ErrStop = errors.New("train: stop")

// Hooks are told what happens during a run. Any may be nil. They are called between updates, on the goroutine that
// trains; an error other than ErrStop ends the run.
type Hooks struct {
	Start func(Plan)                          // before the first update
	Step  func(Progress) error                // after each update
	Log   func(Row) error                     // each new row of log_history: losses, evaluations, the end
	Eval  func(done, total int)               // progress of an evaluation, in batches
	Save  func(dir string, step int) error    // a checkpoint is whole on the disk
	Warn  func(message string)                // something that a person should know
	Done  func(state *State, final Row) error // training has ended and all files are written
}

// A Plan is what a run will do.
type Plan struct {
	Examples      int
	Epochs        int   // begun, the last perhaps not finished
	BatchSize     int   // examples of one update
	StepsPerEpoch int   // updates
	MaxSteps      int   // updates of the whole run
	FirstStep     int   // updates done before, when resuming
	Params        int64 // weights of the model
	Trainable     int64 // weights that are trained
	Bytes         int64 // weights, gradients and moments
	From          string
}

// Progress is where a run is after an update.
type Progress struct {
	Step, MaxSteps  int
	Epoch           float64
	Loss            float64 // of this update
	GradNorm        float64 // before clipping
	LearningRate    float64 // of this update
	Tokens          int     // input tokens of this update, without padding
	TokensPerSecond float64 // since the start, evaluations and saving left out
	Elapsed         time.Duration
	Remaining       time.Duration // at the pace so far
	Bytes           int64         // weights, gradients, moments and the most activations held at once
}

// each calls f for all hooks and returns the first error that is not ErrStop, or ErrStop if a hook returned that.
func (l *loop) each(f func(*Hooks) error) error {
	var stop error
	for i := range l.Hooks {
		switch err := f(&l.Hooks[i]); {
		case errors.Is(err, ErrStop):
			stop = ErrStop
		case err != nil:
			return err
		}
	}
	return stop
}

// tell is each for hooks that may end the run: ErrStop is noted, not returned.
func (l *loop) tell(f func(*Hooks) error) error {
	err := l.each(f)
	if errors.Is(err, ErrStop) {
		l.stopping, l.quit, l.asked = true, true, true
		return nil
	}
	return err
}

// warn tells the hooks something that a person should know.
func (l *loop) warn(message string) {
	l.each(func(h *Hooks) error {
		if h.Warn != nil {
			h.Warn(message)
		}
		return nil
	})
}
