//go:build !f64

package cpu

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// A pool runs the tasks of one kernel at a time on its threads.
type pool struct {
	threads int
	crew    *crew // nil with one thread
}

func newPool(threads int) pool {
	p := pool{threads: threads}
	if threads > 1 {
		p.crew = newCrew(threads - 1)
	}
	return p
}

// each calls f for every task in [0, n), on any thread and in any order, and returns when all are done.
// Tasks must not depend on the number of threads, so that results don't either. A panic in a task is
// raised again here, once the other tasks are done. Tasks must not call each.
func (p *pool) each(n int, f func(task int)) {
	if p.crew == nil || n <= 1 {
		for i := range n {
			f(i)
		}
		return
	}
	p.crew.run(job{n: n, each: f})
}

// eachOn is each for tasks that need memory of their own: no two tasks run at once on the same thread,
// threads being numbered from 0 to p.threads-1. The caller sees to it that only one eachOn runs at a time.
func (p *pool) eachOn(n int, f func(thread, task int)) {
	if p.crew == nil || n <= 1 {
		for i := range n {
			f(0, i)
		}
		return
	}
	p.crew.run(job{n: n, eachOn: f})
}

// A job is the tasks of one kernel.
type job struct {
	n      int
	each   func(task int) // one of the two
	eachOn func(thread, task int)
}

// A crew is the goroutines that help the caller of run. It knows nothing of its device, so that the device
// can be collected, which stops the crew.
type crew struct {
	mu      sync.Mutex // held by run: one job at a time
	start   sync.Once
	workers []worker

	job      job           // may be read by whoever holds a ticket
	tickets  atomic.Uint64 // the job's number << 32 | tasks not yet taken
	_        [56]byte      // the counters are on lines of their own
	done     atomic.Int64  // tasks finished
	_        [56]byte
	stopped  atomic.Bool
	waiting  atomic.Bool // run sleeps until finished gets a token
	finished chan struct{}

	failed  atomic.Bool
	failure any // what the first task that panicked panicked with
}

// A worker is one goroutine of a crew.
type worker struct {
	asleep atomic.Bool
	wake   chan struct{}
	_      [48]byte
}

// spin is how long a thread looks for work before it sleeps: longer than the gap between two kernels,
// shorter than anyone would notice.
const spin = 40 * time.Microsecond

func newCrew(workers int) *crew {
	c := &crew{workers: make([]worker, workers), finished: make(chan struct{}, 1)}
	for i := range c.workers {
		c.workers[i].wake = make(chan struct{}, 1)
	}
	return c
}

// launch starts the goroutines, at the first job rather than with the device.
func (c *crew) launch() {
	for i := range c.workers {
		go c.serve(i)
	}
}

func (c *crew) run(j job) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.start.Do(c.launch)
	c.job = j
	c.done.Store(0)
	number := c.tickets.Load()>>32 + 1
	c.tickets.Store(number<<32 | uint64(uint32(j.n)))
	for i := range c.workers[:min(len(c.workers), j.n-1)] {
		w := &c.workers[i]
		if w.asleep.Load() && w.asleep.CompareAndSwap(true, false) {
			w.wake <- struct{}{}
		}
	}
	c.work(0)
	c.await()
	c.job = job{} // the functions may hold the device
	if c.failed.Swap(false) {
		v := c.failure
		c.failure = nil
		panic(v)
	}
}

// await returns when all tasks of the job are done.
func (c *crew) await() {
	n := int64(c.job.n)
	if spinUntil(func() bool { return c.done.Load() == n }) {
		return
	}
	c.waiting.Store(true)
	if c.done.Load() == n && c.waiting.CompareAndSwap(true, false) {
		return
	}
	<-c.finished
}

// work does tasks until none are left.
func (c *crew) work(thread int) {
	for {
		t := c.tickets.Load()
		left := uint32(t)
		if left == 0 {
			return
		}
		// The job's number in the upper half makes this fail if the job has changed since.
		if c.tickets.CompareAndSwap(t, t-1) {
			c.task(thread, c.job.n-int(left))
		}
	}
}

// task does one task. The job can't change before it has counted the task as done.
func (c *crew) task(thread, i int) {
	ok := false
	n := int64(c.job.n)
	defer func() {
		if !ok {
			// A nil value means Goexit, which there is no way to pass on.
			if v := recover(); c.failed.CompareAndSwap(false, true) {
				c.failure = v
			}
		}
		if c.done.Add(1) == n && c.waiting.CompareAndSwap(true, false) {
			c.finished <- struct{}{}
		}
	}()
	if c.job.each != nil {
		c.job.each(i)
	} else {
		c.job.eachOn(thread, i)
	}
	ok = true
}

// serve is the life of worker i.
func (c *crew) serve(i int) {
	w := &c.workers[i]
	pending := func() bool { return uint32(c.tickets.Load()) != 0 || c.stopped.Load() }
	for !c.stopped.Load() {
		c.work(i + 1)
		if spinUntil(pending) {
			continue
		}
		w.asleep.Store(true)
		if pending() && w.asleep.CompareAndSwap(true, false) {
			continue
		}
		<-w.wake
	}
}

// stop ends the goroutines. No job may be running.
func (c *crew) stop() {
	c.stopped.Store(true)
	for i := range c.workers {
		if w := &c.workers[i]; w.asleep.CompareAndSwap(true, false) {
			w.wake <- struct{}{}
		}
	}
}

// spinUntil waits for ready for a short while and reports whether it came true. It lets other goroutines
// run in between.
func spinUntil(ready func() bool) bool {
	var began time.Time
	for {
		for range 32 {
			if ready() {
				return true
			}
		}
		runtime.Gosched()
		switch now := time.Now(); {
		case began.IsZero():
			began = now
		case now.Sub(began) > spin:
			return false
		}
	}
}
