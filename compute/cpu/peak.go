//go:build !f64

package cpu

import "time"

// Peak returns the floating-point operations per second of a loop of nothing but multiply-adds on all threads of d:
// what no product can exceed. It is the best of a few runs of some milliseconds; a machine with other work gives
// less, so that it is worth something only beside what was measured at the same time.
func (d *Device) Peak() (best float64) {
	// Many short tasks, so that a thread that wakes late takes fewer and not none.
	const rounds, flops, each = 10000, 1920, 16
	tasks := each * d.Threads()
	for range 2 {
		began := time.Now()
		d.pool.each(tasks, func(int) { peak(rounds) })
		best = max(best, float64(tasks*rounds*flops)/time.Since(began).Seconds())
	}
	return best
}

var sink [16]float32

// peakGo is n·1920 operations on 8 scalars.
func peakGo(n int) {
	var a, b, c, d, e, f, g, h float32
	x, y := float32(n), sink[0]
	for range n * 120 {
		a, b, c, d = a*x+y, b*x+y, c*x+y, d*x+y
		e, f, g, h = e*x+y, f*x+y, g*x+y, h*x+y
	}
	copy(sink[8:], []float32{a, b, c, d, e, f, g, h})
}

// A Stream measures how fast memory is, in bytes per second, with vectors much larger than any cache (McCalpin's
// STREAM, which counts what a loop reads and writes and not what the processor fetches before it writes). A call goes
// a piece further in the vectors, in less than some milliseconds, so that the best of a few is undisturbed.
type Stream struct {
	d       *Device
	a, b, c []float32
	at      int
}

const (
	// piece is the elements of a vector that a call of a Stream goes through.
	piece = 6 << 20
	// run is how many of them a task goes through. Shorter ones have threads take turns so often that memory is a third
	// slower.
	run = 1 << 16
)

// NewStream returns a Stream with three vectors of the given number of bytes each, rounded up to pieces of 24 MiB.
func (d *Device) NewStream(bytes int) *Stream {
	n := up(bytes/4, piece)
	s := &Stream{d, make([]float32, n), make([]float32, n), make([]float32, n), 0}
	for i := range s.a { // or the pages aren't there
		s.a[i], s.b[i], s.c[i] = 1, 2, 3
	}
	return s
}

// On returns s with the threads of another device, and the same vectors.
func (s Stream) On(d *Device) *Stream {
	s.d = d
	return &s
}

// Read is the speed of Σ a²: a product with few rows can't read its weights faster.
func (s *Stream) Read() float64 {
	return s.run(1, func(lo, hi int) { sumSquares(s.a[lo:hi]) })
}

// Copy is the speed of b = a.
func (s *Stream) Copy() float64 { return s.run(2, func(lo, hi int) { copy(s.b[lo:hi], s.a[lo:hi]) }) }

// Triad is the speed of c = a + b, which loads, adds and stores as STREAM's triad a + 3·b does.
func (s *Stream) Triad() float64 {
	return s.run(3, func(lo, hi int) { add(s.c[lo:hi], s.a[lo:hi], s.b[lo:hi]) })
}

// Vectors returns the memory of s for other use, which ends when s is used again.
func (s *Stream) Vectors() [3][]float32 { return [3][]float32{s.a, s.b, s.c} }

// run returns the best of three pieces.
func (s *Stream) run(vectors int, f func(lo, hi int)) (best float64) {
	for range 3 {
		first := s.at
		began := time.Now()
		s.d.pool.each(piece/run, func(t int) { f(first+t*run, first+(t+1)*run) })
		best = max(best, float64(4*vectors*piece)/time.Since(began).Seconds())
		if s.at += piece; s.at == len(s.a) {
			s.at = 0
		}
	}
	return best
}
