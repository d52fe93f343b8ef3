package optim

import "math"

// A Plateau lowers the learning rate when a metric stops getting better: torch's ReduceLROnPlateau. Its
// exported fields are its state, all that a checkpoint has to keep.
type Plateau struct {
	LR       float64 `json:"lr"`
	Best     float64 `json:"best"`
	Started  bool    `json:"started"` // Best is set
	Bad      int     `json:"num_bad_epochs"`
	Cooldown int     `json:"cooldown_counter"`

	max, abs           bool
	factor, threshold  float64
	low, eps           float64
	patience, cooldown int
}

func (k *arguments) plateau(lr float64) *Plateau {
	p := &Plateau{LR: lr,
		max:    k.word("mode", "min", "max") == "max",
		abs:    k.word("threshold_mode", "rel", "abs") == "abs",
		factor: k.number("factor", 0.1), threshold: k.number("threshold", 1e-4),
		low: k.number("min_lr", 0), eps: k.number("eps", 1e-8),
		patience: int(k.number("patience", 10)), cooldown: int(k.number("cooldown", 0))}
	if p.factor >= 1 {
		k.fault("factor is %g; expected less than 1", p.factor)
	}
	return p
}

// Observe takes the metric of an evaluation and sets the rate of the updates that follow.
func (p *Plateau) Observe(metric float64) {
	if p.better(metric) {
		p.Best, p.Started, p.Bad = metric, true, 0
	} else {
		p.Bad++
	}
	if p.Cooldown > 0 {
		p.Cooldown--
		p.Bad = 0
	}
	if p.Bad > p.patience {
		if lr := max(p.LR*p.factor, p.low); p.LR-lr > p.eps {
			p.LR = lr
		}
		p.Cooldown, p.Bad = p.cooldown, 0
	}
}

// better reports whether a metric beats the best by more than the threshold. The first number does.
func (p *Plateau) better(metric float64) bool {
	if !p.Started {
		return !math.IsNaN(metric) && !math.IsInf(metric, 0)
	}
	switch {
	case p.max && p.abs:
		return metric > p.Best+p.threshold
	case p.max:
		return metric > p.Best*(p.threshold+1)
	case p.abs:
		return metric < p.Best-p.threshold
	default:
		return metric < p.Best*(1-p.threshold)
	}
}
