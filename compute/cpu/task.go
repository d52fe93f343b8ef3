//go:build !f64

package cpu

import "sync"

// A rowKernel runs one function on all threads, for each row or whatever else is independent. Its arguments lie in a
// spare object together with the function that the pool calls: a closure for each call would be an allocation for each.
type rowKernel[A any] struct{ spare sync.Pool }

type rowCall[A any] struct {
	args   A
	n, per int // rows, and how many a task takes
	task   func(task int)
}

func newRowKernel[A any](f func(a *A, row int)) *rowKernel[A] {
	return &rowKernel[A]{sync.Pool{New: func() any {
		c := new(rowCall[A])
		c.task = func(t int) {
			for i := t * c.per; i < min(c.n, (t+1)*c.per); i++ {
				f(&c.args, i)
			}
		}
		return c
	}}}
}

// rows does n rows of the given width in few tasks: small ones aren't worth handing out, and threads that take short turns
// in a large matrix read it a third slower.
func (k *rowKernel[A]) rows(d *Device, n, cols int, args A) {
	k.run(d, n, max(1, grain/max(cols, 1), ceil(n, parts)), args)
}

// each does n rows, or whatever they are, each as a task of its own.
func (k *rowKernel[A]) each(d *Device, n int, args A) { k.run(d, n, 1, args) }

func (k *rowKernel[A]) run(d *Device, n, per int, args A) {
	c := k.spare.Get().(*rowCall[A])
	c.args, c.n, c.per = args, n, per
	d.pool.each(ceil(n, per), c.task)
	var none A
	c.args = none // don't keep the matrices alive
	k.spare.Put(c)
}
