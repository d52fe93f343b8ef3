package optim

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Schedules are the names that NewSchedule knows: lr_scheduler_type of transformers.
var Schedules = []string{"linear", "cosine", "cosine_with_restarts", "polynomial", "constant", "constant_with_warmup",
	"inverse_sqrt", "reduce_lr_on_plateau", "cosine_with_min_lr", "cosine_warmup_with_min_lr", "warmup_stable_decay"}

// A Schedule gives the learning rate of every update. Only reduce_lr_on_plateau has a state, Plateau; all
// others are functions of the number of updates done.
type Schedule struct {
	Plateau *Plateau // nil for all but reduce_lr_on_plateau

	lr     float64
	factor func(step float64) float64
}

// Rate returns the learning rate of the update that follows after step updates.
func (s *Schedule) Rate(step int) float64 {
	if s.Plateau != nil {
		return s.Plateau.LR
	}
	return s.lr * s.factor(float64(step))
}

// NewSchedule returns the schedule of the given name over total updates of which the first warmup raise the rate to
// lr. kwargs are lr_scheduler_kwargs: numbers and strings by the reference's names; one that the schedule does
// not have is an error.
func NewSchedule(name string, lr float64, warmup, total int, kwargs map[string]any) (*Schedule, error) {
	k := &arguments{schedule: name, given: kwargs}
	s := &Schedule{lr: lr}
	ramp := span{float64(warmup), float64(total)}
	switch name {
	case "linear":
		s.factor = func(t float64) float64 { return max(0, (ramp.total-t)/max(1, ramp.total-ramp.warmup)) }
	case "cosine":
		s.factor = cosine(ramp, k.number("num_cycles", 0.5), 0)
	case "cosine_with_restarts":
		cycles := k.number("num_cycles", 1)
		s.factor = func(t float64) float64 {
			p := ramp.progress(t)
			if p >= 1 {
				return 0
			}
			return max(0, 0.5*(1+math.Cos(math.Pi*math.Mod(cycles*p, 1))))
		}
	case "polynomial":
		s.factor = k.polynomial(ramp, lr)
	case "constant":
		ramp.warmup = 0
		s.factor = func(float64) float64 { return 1 }
	case "constant_with_warmup":
		s.factor = func(float64) float64 { return 1 }
	case "inverse_sqrt":
		scale := ramp.warmup
		if scale == 0 {
			scale = 10_000
		}
		scale = k.number("timescale", scale)
		s.factor = func(t float64) float64 { return 1 / math.Sqrt((t+scale-ramp.warmup)/scale) }
	case "cosine_with_min_lr":
		cycles := k.number("num_cycles", 0.5)
		s.factor = cosine(ramp, cycles, k.floor(lr))
	case "cosine_warmup_with_min_lr":
		s.factor = k.cosineWarmup(ramp, lr)
		ramp.warmup = 0 // it ramps up in its own way
	case "warmup_stable_decay":
		s.factor = k.stableDecay(ramp)
		ramp.warmup = 0
	case "reduce_lr_on_plateau":
		s.Plateau = k.plateau(lr)
	default:
		return nil, fmt.Errorf("optim: no lr_scheduler_type %q; there are %s", name, strings.Join(Schedules, ", "))
	}
	if err := k.done(); err != nil {
		return nil, err
	}
	if after := s.factor; ramp.warmup > 0 && after != nil {
		s.factor = func(t float64) float64 {
			if t < ramp.warmup {
				return t / ramp.warmup
			}
			return after(t)
		}
	}
	return s, nil
}

// A span is a training run in updates.
type span struct{ warmup, total float64 }

// progress returns how much of the run after warm-up is done at t, from 0 to 1.
func (r span) progress(t float64) float64 { return (t - r.warmup) / max(1, r.total-r.warmup) }

// cosine falls from 1 to floor in cycles waves.
func cosine(r span, cycles, floor float64) func(float64) float64 {
	return func(t float64) float64 {
		f := 0.5 * (1 + math.Cos(math.Pi*cycles*2*r.progress(t)))
		return max(0, f*(1-floor)+floor)
	}
}

func (k *arguments) polynomial(r span, lr float64) func(float64) float64 {
	end, power := k.number("lr_end", 1e-7), k.number("power", 1)
	if !(lr > end) {
		k.fault("lr_end %g must be smaller than learning_rate %g", end, lr)
	}
	return func(t float64) float64 {
		if t > r.total {
			return end / lr
		}
		left := 1 - (t-r.warmup)/(r.total-r.warmup)
		return ((lr-end)*math.Pow(left, power) + end) / lr
	}
}

func (k *arguments) cosineWarmup(r span, lr float64) func(float64) float64 {
	cycles, start := k.number("num_cycles", 0.5), k.number("warmup_lr_rate", math.NaN())
	floor := k.floor(lr)
	return func(t float64) float64 {
		switch {
		case t < r.warmup && math.IsNaN(start):
			return (t + 1) / max(1, r.warmup)
		case t < r.warmup:
			return start + (1-start)*t/max(1, r.warmup-1)
		}
		f := 0.5 * (1 + math.Cos(math.Pi*cycles*2*r.progress(t+1)))
		return max(0, f*(1-floor)+floor)
	}
}

func (k *arguments) stableDecay(r span) func(float64) float64 {
	decay := k.number("num_decay_steps", math.NaN())
	if math.IsNaN(decay) {
		k.fault("num_decay_steps is required: the number of updates in which the rate falls at the end")
	}
	stable := k.number("num_stable_steps", r.total-r.warmup-decay)
	rise := k.word("warmup_type", "linear", "cosine", "1-sqrt")
	fall := k.word("decay_type", "cosine", "linear", "1-sqrt")
	floor, cycles := k.number("min_lr_ratio", 0), k.number("num_cycles", 0.5)
	lift := func(f float64) float64 { return max(0, f*(1-floor)+floor) }
	return func(t float64) float64 {
		switch {
		case t < r.warmup:
			p := t / max(1, r.warmup)
			switch rise {
			case "cosine":
				p = 0.5 * (1 - math.Cos(math.Pi*p))
			case "1-sqrt":
				p = 1 - math.Sqrt(1-p)
			}
			return lift(p)
		case t < r.warmup+stable:
			return 1
		case t < r.warmup+stable+decay:
			p := (t - r.warmup - stable) / max(1, decay)
			switch fall {
			case "linear":
				return lift(1 - p)
			case "1-sqrt":
				return lift(1 - math.Sqrt(p))
			}
			return lift(0.5 * (1 + math.Cos(math.Pi*cycles*2*p)))
		}
		return floor
	}
}

// arguments reads lr_scheduler_kwargs and gathers what is wrong with them.
type arguments struct {
	schedule string
	given    map[string]any
	known    []string
	err      error
}

func (k *arguments) fault(format string, a ...any) {
	if k.err == nil {
		k.err = fmt.Errorf("optim: lr_scheduler_kwargs of %s: %s", k.schedule, fmt.Sprintf(format, a...))
	}
}

// number returns a numeric argument, or def if it is not given.
func (k *arguments) number(name string, def float64) float64 {
	k.known = append(k.known, name)
	switch v := k.given[name].(type) {
	case nil:
		return def
	case float64:
		return v
	case int:
		return float64(v)
	case int64:
		return float64(v)
	case uint64:
		return float64(v)
	default:
		k.fault("%s is %v; expected a number", name, v)
		return def
	}
}

// word returns an argument that is one of words, the first of which is the default.
func (k *arguments) word(name string, words ...string) string {
	k.known = append(k.known, name)
	v, ok := k.given[name]
	if !ok || v == nil {
		return words[0]
	}
	s, ok := v.(string)
	if !ok || !slices.Contains(words, s) {
		k.fault("%s is %v; expected one of %s", name, v, strings.Join(words, ", "))
	}
	return s
}

// floor returns the lowest rate as a fraction of lr, given as min_lr or min_lr_rate.
func (k *arguments) floor(lr float64) float64 {
	low, rate := k.number("min_lr", math.NaN()), k.number("min_lr_rate", math.NaN())
	if math.IsNaN(low) == math.IsNaN(rate) {
		k.fault("give one of min_lr and min_lr_rate (a fraction of learning_rate)")
	}
	if math.IsNaN(rate) {
		return low / lr
	}
	return rate
}

// done returns the first fault; an argument that nobody asked for is one.
func (k *arguments) done() error {
	for name := range k.given {
		if !slices.Contains(k.known, name) {
			takes := "takes none"
			if len(k.known) > 0 {
				takes = "takes " + strings.Join(k.known, ", ")
			}
			k.fault("no argument %q; it %s", name, takes)
		}
	}
	return k.err
}
