package checkpoint

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hone-ml/hone/optim"
)

// State is trainer_state.json, field for field as transformers writes it.
type State struct {
	BestMetric          *float64       `json:"best_metric"`
	BestGlobalStep      *int           `json:"best_global_step"`
	BestModelCheckpoint *string        `json:"best_model_checkpoint"` // its folder
	Epoch               float64        `json:"epoch"`
	EvalSteps           int            `json:"eval_steps"`
	GlobalStep          int            `json:"global_step"` // updates done
	IsHyperParamSearch  bool           `json:"is_hyper_param_search"`
	IsLocalProcessZero  bool           `json:"is_local_process_zero"`
	IsWorldProcessZero  bool           `json:"is_world_process_zero"`
	LogHistory          []Row          `json:"log_history"`
	LoggingSteps        int            `json:"logging_steps"`
	MaxSteps            int            `json:"max_steps"`
	NumInputTokensSeen  int64          `json:"num_input_tokens_seen"`
	NumTrainEpochs      int            `json:"num_train_epochs"`
	SaveSteps           int            `json:"save_steps"`
	StatefulCallbacks   map[string]any `json:"stateful_callbacks"`
	TotalFlos           float64        `json:"total_flos"`
	TrainBatchSize      int            `json:"train_batch_size"`
	TrialName           *string        `json:"trial_name"`
	TrialParams         any            `json:"trial_params"`
}

// A Row is one entry of log_history by the reference's names: loss, learning_rate, eval_loss, epoch, step …
type Row map[string]float64

// whole are the entries of a Row that are integers.
var whole = map[string]bool{"step": true, "num_input_tokens_seen": true}

// UnmarshalJSON reads numbers, NaN among them; what is no number is left out.
func (r *Row) UnmarshalJSON(b []byte) error {
	var raw map[string]any
	if err := unmarshal(b, &raw); err != nil {
		return err
	}
	*r = Row{}
	for k, v := range raw {
		switch v := v.(type) {
		case float64:
			(*r)[k] = v
		case string:
			var f Float
			if number([]byte(v)) == v && f.UnmarshalJSON([]byte(v)) == nil {
				(*r)[k] = float64(f)
			}
		}
	}
	return nil
}

// rowFirst and rowLast are the order of the reference's log lines; other entries stand between them, sorted.
var rowFirst = []string{"loss", "grad_norm", "learning_rate", "eval_loss"}
var rowLast = []string{"eval_runtime", "eval_samples_per_second", "eval_steps_per_second", "train_runtime", "train_samples_per_second",
	"train_steps_per_second", "train_tokens_per_second", "total_flos", "train_loss", "epoch", "num_input_tokens_seen", "step"}

// Keys returns the names of r's entries in the order in which the reference logs them.
func (r Row) Keys() []string {
	var keys []string
	rest := maps.Clone(r)
	take := func(names []string) {
		for _, name := range names {
			if _, ok := rest[name]; ok {
				keys = append(keys, name)
				delete(rest, name)
			}
		}
	}
	take(rowFirst)
	middle := len(keys)
	take(rowLast)
	return slices.Insert(keys, middle, slices.Sorted(maps.Keys(rest))...)
}

// Bytes returns trainer_state.json.
func (s *State) Bytes() []byte { return append(Marshal(s, 2), '\n') }

// ParseState reads trainer_state.json, in which Python may have written whole numbers as 10.0 and the metric that
// nothing has beaten yet as Infinity.
func ParseState(b []byte) (*State, error) {
	type plain State
	var s plain
	loose := struct {
		*plain
		EvalSteps    Float  `json:"eval_steps"`
		LoggingSteps Float  `json:"logging_steps"`
		SaveSteps    Float  `json:"save_steps"`
		BestMetric   *Float `json:"best_metric"`
	}{plain: &s}
	if err := unmarshal(b, &loose); err != nil {
		return nil, err
	}
	s.EvalSteps, s.LoggingSteps, s.SaveSteps = int(loose.EvalSteps), int(loose.LoggingSteps), int(loose.SaveSteps)
	s.BestMetric = (*float64)(loose.BestMetric)
	return (*State)(&s), nil
}

// A Position is what a run needs besides trainer_state.json to go on as if it had never stopped: resume.json.
type Position struct {
	Version  int   `json:"version"`
	Examples int   `json:"examples"` // of the training set
	First    int   `json:"first"`    // global step after which losses were summed
	LossSum  Float `json:"loss_sum"` // losses of the updates since the last log
	Logged   int   `json:"logged"`   // global step of the last log
	Total    Float `json:"total"`    // losses of all updates that were logged

	Batches int              `json:"batches"` // of pairs of answers since the last log,
	Sums    map[string]Float `json:"sums"`    // and the sums of their rewards

	EpochDraws int64 `json:"epoch_draws"` // random numbers that group_by_length had drawn when the epoch began
	Draws      int64 `json:"draws"`       // and had drawn when this was written

	LR       Float `json:"lr"`        // of the last update
	GradNorm Float `json:"grad_norm"` // of the last update

	EvalPending bool `json:"eval_pending"` // the evaluation that was due was cut off
	SavePending bool `json:"save_pending"` // and a checkpoint was due after it
	EpochEnd    bool `json:"epoch_end"`    // the last update is done, but not what is due at an epoch's end

	Bad     int            `json:"bad"` // evaluations without a better metric, for early stopping
	Plateau *optim.Plateau `json:"plateau"`
}

// Version is that of resume.json.
const Version = 1

// check refuses numbers that no run has.
func (s *State) check() error {
	switch {
	case s.GlobalStep < 0:
		return fmt.Errorf("global_step is %d", s.GlobalStep)
	case s.BestGlobalStep != nil && (*s.BestGlobalStep < 0 || *s.BestGlobalStep > s.GlobalStep):
		return fmt.Errorf("best_global_step is %d at step %d", *s.BestGlobalStep, s.GlobalStep)
	case !(s.TotalFlos >= 0) || s.NumInputTokensSeen < 0:
		return fmt.Errorf("total_flos %g, num_input_tokens_seen %d", s.TotalFlos, s.NumInputTokensSeen)
	}
	return nil
}

func (p *Position) check(s *State) error {
	switch {
	case p.Logged < 0 || p.Logged > s.GlobalStep:
		return fmt.Errorf("logged is %d at step %d", p.Logged, s.GlobalStep)
	case p.EpochDraws < 0 || p.Draws < p.EpochDraws || p.Draws > 1<<40:
		return fmt.Errorf("draws are %d and %d", p.EpochDraws, p.Draws)
	}
	return nil
}
