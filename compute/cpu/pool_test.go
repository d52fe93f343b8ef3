//go:build !f64

package cpu

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestPoolRunsEveryTaskOnce(t *testing.T) {
	for _, threads := range []int{1, 2, 3, 8} {
		d := New(threads)
		for round := range 300 {
			n := round % 40
			ran := make([]atomic.Int32, n)
			d.pool.each(n, func(task int) { ran[task].Add(1) })
			for i := range ran {
				if ran[i].Load() != 1 {
					t.Fatalf("%d threads: task %d of %d ran %d times", threads, i, n, ran[i].Load())
				}
			}
			if round%100 == 99 {
				time.Sleep(2 * spin) // until the crew sleeps
			}
		}
	}
}

// Two tasks never share a thread's number at the same time.
func TestPoolThreads(t *testing.T) {
	d := New(4)
	busy := make([]atomic.Bool, d.Threads())
	d.pool.eachOn(500, func(thread, task int) {
		if busy[thread].Swap(true) {
			t.Error("two tasks at once on thread", thread)
		}
		runtime.Gosched()
		busy[thread].Store(false)
	})
}

func TestPoolShared(t *testing.T) {
	d := New(3)
	var wg sync.WaitGroup
	var sum atomic.Int64
	for range 4 {
		wg.Go(func() {
			for range 200 {
				d.pool.each(5, func(task int) { sum.Add(int64(task)) })
			}
		})
	}
	wg.Wait()
	if sum.Load() != 4*200*10 {
		t.Errorf("sum %d, want %d", sum.Load(), 4*200*10)
	}
}

func TestPoolPanic(t *testing.T) {
	for _, threads := range []int{1, 3} {
		d := New(threads)
		for task := range 6 {
			func() {
				defer func() {
					if v := recover(); v != "boom" {
						t.Errorf("%d threads, task %d: recovered %v", threads, task, v)
					}
				}()
				d.pool.each(6, func(i int) {
					if i == task {
						panic("boom")
					}
				})
				t.Error("no panic")
			}()
			ran := atomic.Int32{}
			d.pool.each(6, func(int) { ran.Add(1) })
			if ran.Load() != 6 {
				t.Fatalf("after a panic %d tasks of 6 ran", ran.Load())
			}
		}
	}
}

func TestPoolEndsWithDevice(t *testing.T) {
	settle := func() int {
		for range 50 {
			runtime.GC()
			time.Sleep(time.Millisecond)
		}
		return runtime.NumGoroutine()
	}
	before := settle()
	for range 10 {
		New(4).pool.each(8, func(int) {})
	}
	if after := settle(); after > before {
		t.Errorf("%d goroutines, %d before", after, before)
	}
}

func TestPoolAllocations(t *testing.T) {
	d := New(2)
	f := func(int) {}
	if n := testing.AllocsPerRun(100, func() { d.pool.each(4, f) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkPool(b *testing.B) {
	d := New(2)
	f := func(int) {}
	b.ReportAllocs()
	for b.Loop() {
		d.pool.each(8, f)
	}
}
