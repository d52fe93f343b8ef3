package chat

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

type (
	constExpr struct{ v any }
	nameExpr  struct {
		pos  int
		name string
	}
	listExpr struct {
		items []expr
		tuple bool
	}
	dictExpr struct {
		pos          int
		keys, values []expr
	}
	condExpr  struct{ test, then, orElse expr }
	logicExpr struct {
		or          bool
		left, right expr
	}
	notExpr     struct{ e expr }
	compareExpr struct {
		pos   int
		first expr
		ops   []string
		rest  []expr
	}
	binaryExpr struct {
		pos         int
		op          string
		left, right expr
	}
	negExpr struct {
		pos   int
		minus bool
		e     expr
	}
	attrExpr struct {
		pos  int
		obj  expr
		name string
	}
	indexExpr struct {
		pos        int
		obj, index expr
	}
	sliceExpr struct {
		pos  int
		obj  expr
		part [3]expr
	}
	argList struct {
		args  []expr
		names []string
		named []expr
	}
	callExpr struct {
		pos  int
		fn   expr
		args argList
	}
	filterExpr struct {
		pos  int
		name string
		obj  expr // nil: the text of a block
		args argList
	}
	testExpr struct {
		pos  int
		name string
		obj  expr
		args argList
	}
)

// Bounds of one rendering. They are far above what real templates and conversations need.
const (
	maxSteps = 4_000_000
	maxSize  = 64 << 20 // bytes of the text, and of any string on the way
	maxDepth = 200      // macros, loops and data within each other
	maxRange = 100_000  // as in Jinja's sandbox
)

// A run is one rendering.
type run struct {
	out, root *strings.Builder
	spans     []Span
	misplaced *fault
	jump      string // break or continue, on its way to its loop
	block     any    // the text that a filter block filters
	steps     int
	depth     int
	pos       int // of the call that is being made
	now       time.Time
}

func (r *run) fail(pos int, format string, args ...any) {
	panic(&fault{pos: pos, msg: fmt.Sprintf(format, args...)})
}

// step counts work, so that no template runs for ever.
func (r *run) step(pos, n int) {
	if r.steps += n; r.steps > maxSteps || r.steps < 0 {
		r.fail(pos, "rendering takes too long: more than %d steps", maxSteps)
	}
}

// size checks a string before it is made, and counts the work of making it.
func (r *run) size(pos, n int) {
	if n > maxSize || n < 0 {
		r.fail(pos, "text grows beyond %d MB", maxSize>>20)
	}
}

// made counts a new string or list of n elements.
func (r *run) made(pos, n int) {
	r.size(pos, n)
	r.step(pos, n/16)
}

func (r *run) enter() func() {
	if r.depth++; r.depth > maxDepth {
		r.fail(r.pos, "more than %d calls, loops or lists within each other", maxDepth)
	}
	return func() { r.depth-- }
}

func (e constExpr) eval(*run, *scope) any { return e.v }

func (e *nameExpr) eval(r *run, s *scope) any {
	r.step(e.pos, 1)
	if v, ok := s.get(e.name); ok {
		return v
	}
	return undefined{e.name}
}

func (e *listExpr) eval(r *run, s *scope) any {
	l := &list{tuple: e.tuple, items: make([]any, len(e.items))}
	for i, item := range e.items {
		l.items[i] = item.eval(r, s)
	}
	return l
}

func (e *dictExpr) eval(r *run, s *scope) any {
	d := newDict()
	for i, k := range e.keys {
		key := k.eval(r, s)
		if !hashable(key) {
			r.fail(e.pos, "%s cannot be a key", typeName(key))
		}
		d.set(key, e.values[i].eval(r, s))
	}
	return d
}

func (e *condExpr) eval(r *run, s *scope) any {
	if truth(e.test.eval(r, s)) {
		return e.then.eval(r, s)
	}
	if e.orElse == nil {
		return undefined{"the value of an if without an else"}
	}
	return e.orElse.eval(r, s)
}

func (e *logicExpr) eval(r *run, s *scope) any {
	left := e.left.eval(r, s)
	if truth(left) == e.or {
		return left
	}
	return e.right.eval(r, s)
}

func (e *notExpr) eval(r *run, s *scope) any { return !truth(e.e.eval(r, s)) }

func (e *compareExpr) eval(r *run, s *scope) any {
	left := e.first.eval(r, s)
	for i, op := range e.ops {
		right := e.rest[i].eval(r, s)
		if !r.holds(e.pos, op, left, right) {
			return false
		}
		left = right
	}
	return true
}

func (r *run) holds(pos int, op string, a, b any) bool {
	r.step(pos, 1)
	switch op {
	case "==":
		return r.equal(a, b)
	case "!=":
		return !r.equal(a, b)
	case "in":
		return r.contains(pos, b, a)
	case "not in":
		return !r.contains(pos, b, a)
	}
	c := r.compare(pos, a, b)
	switch op {
	case "<":
		return c < 0
	case "<=":
		return c <= 0
	case ">":
		return c > 0
	}
	return c >= 0
}

func (r *run) contains(pos int, in, v any) bool {
	switch in := in.(type) {
	case string:
		s, ok := v.(string)
		if !ok {
			r.fail(pos, "'in' a string wants a string on its left, not %s", typeName(v))
		}
		r.step(pos, len(in)/16)
		return strings.Contains(in, s)
	case *dict:
		_, ok := in.get(v)
		return hashable(v) && ok
	case *list:
		r.step(pos, len(in.items))
		return slices.ContainsFunc(in.items, func(x any) bool { return r.equal(x, v) })
	case undefined:
		return false
	}
	r.fail(pos, "%s has nothing in it", typeName(in))
	return false
}

func (e *negExpr) eval(r *run, s *scope) any {
	v := e.e.eval(r, s)
	f, i, isInt, ok := number(v)
	switch {
	case !ok:
		r.fail(e.pos, "%s is not a number", typeName(v))
	case isInt && e.minus:
		return -i
	case isInt:
		return i
	case e.minus:
		return -f
	}
	return f
}

func (e *attrExpr) eval(r *run, s *scope) any {
	return r.attr(e.pos, e.obj.eval(r, s), e.name)
}

// attr is obj.name: a method or an attribute first, then an item.
func (r *run) attr(pos int, obj any, name string) any {
	r.step(pos, 1)
	switch o := obj.(type) {
	case undefined:
		r.fail(pos, "%s is undefined: it has no attribute %q", o.what, name)
	case *loop:
		return o.attr(r, name)
	case *namespace:
		if v, ok := o.vars[name]; ok {
			return v
		}
		return undefined{"attribute " + name}
	}
	if m := method(obj, name); m != nil {
		return m
	}
	if d, ok := obj.(*dict); ok {
		if v, ok := d.get(name); ok {
			return v
		}
	}
	return undefined{"attribute " + name}
}

func (e *indexExpr) eval(r *run, s *scope) any {
	return r.index(e.pos, e.obj.eval(r, s), e.index.eval(r, s))
}

// index is obj[key]: an item first, then an attribute.
func (r *run) index(pos int, obj, key any) any {
	r.step(pos, 1)
	if u, ok := obj.(undefined); ok {
		r.fail(pos, "%s is undefined: it has no items", u.what)
	}
	if d, ok := obj.(*dict); ok && hashable(key) {
		if v, ok := d.get(key); ok {
			return v
		}
	}
	if i, ok := key.(int64); ok {
		switch o := obj.(type) {
		case *list:
			if i < 0 {
				i += int64(len(o.items))
			}
			if 0 <= i && i < int64(len(o.items)) {
				return o.items[i]
			}
		case string:
			r.step(pos, len(o)/8)
			chars := []rune(o)
			if i < 0 {
				i += int64(len(chars))
			}
			if 0 <= i && i < int64(len(chars)) {
				return string(chars[i])
			}
		}
	}
	if name, ok := key.(string); ok {
		return r.attr(pos, obj, name)
	}
	return undefined{"item " + r.str(pos, key)}
}

func (e *sliceExpr) eval(r *run, s *scope) any {
	obj := e.obj.eval(r, s)
	var chars []rune
	n := 0
	switch o := obj.(type) {
	case string:
		chars = []rune(o)
		n = len(chars)
	case *list:
		n = len(o.items)
	case undefined:
		r.fail(e.pos, "%s is undefined: it has no items", o.what)
	default:
		r.fail(e.pos, "%s cannot be sliced", typeName(obj))
	}
	r.step(e.pos, n/8)
	var part [3]*int64
	for i, p := range e.part {
		if p == nil {
			continue
		}
		switch v := p.eval(r, s).(type) {
		case nil:
		case int64:
			part[i] = &v
		default:
			r.fail(e.pos, "slice wants whole numbers, not %s", typeName(v))
		}
	}
	at := sliceIndices(part, int64(n))
	if at == nil && part[2] != nil && *part[2] == 0 {
		r.fail(e.pos, "slice step is zero")
	}
	if l, ok := obj.(*list); ok {
		out := &list{tuple: l.tuple}
		for _, i := range at {
			out.items = append(out.items, l.items[i])
		}
		return out
	}
	var b strings.Builder
	for _, i := range at {
		b.WriteRune(chars[i])
	}
	return b.String()
}

// sliceIndices are the positions that [start:stop:step] takes out of n.
func sliceIndices(part [3]*int64, n int64) (at []int64) {
	step := int64(1)
	if part[2] != nil {
		step = *part[2]
	}
	if step == 0 {
		return nil
	}
	bound := func(p *int64, otherwise, low, high int64) int64 {
		if p == nil {
			return otherwise
		}
		v := *p
		if v < 0 {
			v += n
		}
		return max(low, min(v, high))
	}
	if step > 0 {
		start, stop := bound(part[0], 0, 0, n), bound(part[1], n, 0, n)
		for i := start; i < stop; i += min(step, n+1) {
			at = append(at, i)
		}
		return at
	}
	start, stop := bound(part[0], n-1, -1, n-1), bound(part[1], -1, -1, n-1)
	for i := start; i > stop; i += max(step, -n-1) {
		at = append(at, i)
	}
	return at
}

func (a *argList) eval(r *run, s *scope) (args []any, named map[string]any) {
	for _, e := range a.args {
		args = append(args, e.eval(r, s))
	}
	for i, name := range a.names {
		if named == nil {
			named = map[string]any{}
		}
		named[name] = a.named[i].eval(r, s)
	}
	return args, named
}

func (e *callExpr) eval(r *run, s *scope) any { return e.invoke(r, s, nil) }

func (e *callExpr) invoke(r *run, s *scope, extra map[string]any) any {
	defer r.enter()()
	fn := e.fn.eval(r, s)
	args, named := e.args.eval(r, s)
	for k, v := range extra {
		if named == nil {
			named = map[string]any{}
		}
		named[k] = v
	}
	r.step(e.pos, 1)
	r.pos = e.pos
	switch f := fn.(type) {
	case *function:
		return f.call(r, args, named)
	case *loop:
		if f.again != nil && len(args) == 1 {
			return f.again(args[0])
		}
	case undefined:
		r.fail(e.pos, "%s is undefined: it cannot be called", f.what)
	}
	r.fail(e.pos, "%s cannot be called", typeName(fn))
	return nil
}

func (e *filterExpr) eval(r *run, s *scope) any {
	defer r.enter()()
	v := r.block
	if e.obj != nil {
		v = e.obj.eval(r, s)
	}
	args, named := e.args.eval(r, s)
	r.step(e.pos, 1)
	return filterNamed(e.name)(r, e.pos, v, &arguments{r: r, pos: e.pos, what: e.name, args: args, named: named})
}

// filterBlock applies filters to the text of a block.
func (r *run) filterBlock(f expr, s *scope, text any) any {
	outer := r.block
	r.block = text
	defer func() { r.block = outer }()
	return f.eval(r, s)
}

func (e *testExpr) eval(r *run, s *scope) any {
	v := e.obj.eval(r, s)
	args, named := e.args.eval(r, s)
	r.step(e.pos, 1)
	return testNamed(e.name)(r, e.pos, v, &arguments{r: r, pos: e.pos, what: e.name, args: args, named: named})
}
