//go:build !f64

// Package roofline measures what this machine can do, in multiply-adds and in bytes from memory, and what hone makes
// of it: each kernel, a training step, decoding. A share is the time that the machine needs at least, for the
// operations or for the bytes, over the time taken (Williams et al., 2009), and both are measured in turns, since
// clocks change and so does what else runs.
package roofline

import (
	"context"
	"time"

	"github.com/hone-ml/hone/compute/cpu"
	"github.com/hone-ml/hone/model"
	"github.com/hone-ml/hone/tokenizer"
)

// Options say what to measure.
type Options struct {
	Threads   int  // the most, 0 meaning GOMAXPROCS; unless quick, 1 is measured besides
	Quick     bool // some seconds: fewer sizes, less time for each
	Model     *model.Model
	Tokenizer *tokenizer.Tokenizer // may be nil

	small bool // tests do everything on little memory, hardly measured
}

// A Result is one measurement: the best of several runs.
type Result struct {
	Section string  `json:"section"`
	Name    string  `json:"name"`
	Threads int     `json:"threads"`
	Seconds float64 `json:"seconds,omitempty"` // of one run
	Value   float64 `json:"value"`
	Unit    string  `json:"unit"`
	Share   float64 `json:"share,omitempty"` // of what Of names, 0 to about 1
	Of      string  `json:"of,omitempty"`    // peak or memory
}

// The sections, in their order.
const (
	Machine   = "machine"
	Products  = "products"
	Attention = "attention"
	Rows      = "rows"
	Tokenize  = "tokenize"
	Training  = "training"
	Decoding  = "decoding"
)

// vector is the bytes of each of a Stream's vectors: the largest weight of GPT-2, far more than caches.
const vector = 160 << 20

// A bench measures on one device. Vectors are used in turns: by the stream between runs, by kernels in them.
type bench struct {
	ctx    context.Context
	d      *cpu.Device
	stream *cpu.Stream
	time   time.Duration // of one measurement
	quick  bool
	small  bool
	emit   func(Result)

	peak, read, triad float64 // the best of the machine so far, per second
}

// Run measures and tells emit each result as it comes. The model is trained on nonsense and then quantized: it is of
// no use afterwards. The error is ctx's.
func Run(ctx context.Context, o Options, emit func(Result)) error {
	threads := []int{1}
	switch all := cpu.New(o.Threads).Threads(); {
	case o.Quick:
		threads[0] = all
	case all > 1:
		threads = append(threads, all)
	}
	last := &bench{}
	for _, n := range threads {
		b := &bench{ctx: ctx, d: cpu.New(n), time: 100 * time.Millisecond, quick: o.Quick, emit: emit, stream: last.stream}
		if o.Quick {
			b.time /= 5
		}
		if b.small = o.small; b.small {
			b.time = 0
		}
		if b.stream == nil {
			b.stream = b.d.NewStream(b.scaled(vector))
		} else {
			b.stream = b.stream.On(b.d)
		}
		b.machine()
		b.products()
		b.attention()
		b.rows()
		last = b
	}
	last.tokenize(o.Tokenizer)
	last.training(o.Model)
	last.decoding(o.Model)
	return ctx.Err()
}

// scaled returns a size in bytes or rows, much smaller in tests.
func (b *bench) scaled(n int) int {
	if b.small {
		return n / 20
	}
	return n
}

// machine measures what the machine can do.
func (b *bench) machine() {
	var copied float64
	for began := time.Now(); b.triad == 0 || time.Since(began) < 2*b.time; {
		b.peak, b.read = max(b.peak, b.d.Peak()), max(b.read, b.stream.Read())
		copied, b.triad = max(copied, b.stream.Copy()), max(b.triad, b.stream.Triad())
	}
	tell := func(name string, value float64, unit string) {
		b.tell(Result{Section: Machine, Name: name, Value: value / 1e9, Unit: unit})
	}
	tell("multiply-adds", b.peak, "GFLOP/s")
	tell("memory: read", b.read, "GB/s")
	tell("memory: copy", copied, "GB/s")
	tell("memory: triad", b.triad, "GB/s")
}

func (b *bench) tell(r Result) {
	if b.ctx.Err() == nil {
		r.Threads = b.d.Threads()
		b.emit(r)
	}
}

// A cost is what a run can't do without.
type cost struct {
	flops, reads, writes float64 // operations, bytes from and to memory
}

// measure runs f for a while, in turns with what bounds it, and tells the best run.
func (b *bench) measure(section, name string, c cost, f func()) {
	if b.ctx.Err() != nil {
		return
	}
	bytes := c.reads + c.writes
	speed, best := b.read, b.stream.Read
	if c.writes > c.reads/8 {
		speed, best = b.triad, b.stream.Triad
	}
	r := Result{Section: section, Name: name, Of: "memory", Unit: "GB/s"}
	amount := bytes
	if c.flops/b.peak > bytes/speed {
		best, amount, r.Of, r.Unit = b.d.Peak, c.flops, "peak", "GFLOP/s"
	}
	top := best()
	r.Seconds = b.fastest(f, func() { top = max(top, best()) })
	r.Value = amount / r.Seconds / 1e9
	r.Share = amount / r.Seconds / top
	b.tell(r)
}

// fastest returns the seconds of the fastest run of f, with between called between runs of at least a millisecond.
func (b *bench) fastest(f, between func()) float64 {
	began := time.Now()
	f()
	best := time.Since(began).Seconds()
	times := 1
	if !b.small {
		times += int(1e-3 / max(best, 1e-9))
	}
	for runs := 0; (runs < 1 || runs < 3 && !b.small || time.Since(began) < b.time) && b.ctx.Err() == nil; runs++ {
		start := time.Now()
		for range times {
			f()
		}
		best = min(best, time.Since(start).Seconds()/float64(times))
		between()
	}
	return best
}
