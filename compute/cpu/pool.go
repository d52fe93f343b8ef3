//go:build !f64

package cpu

import (
	"sync"
	"sync/atomic"
)

// A pool runs the tasks of one kernel at a time on its threads.
type pool struct {
	threads int
}

// each calls f for every task in [0, n), on any thread and in any order, and returns when all are done.
// Tasks must not depend on the number of threads, so that results don't either.
func (p *pool) each(n int, f func(task int)) {
	if p.threads == 1 || n <= 1 {
		for i := range n {
			f(i)
		}
		return
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	work := func() {
		for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
			f(i)
		}
	}
	for range min(p.threads, n) - 1 {
		wg.Go(work)
	}
	work()
	wg.Wait()
}
