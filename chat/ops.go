package chat

import (
	"math"
	"slices"
	"strings"
)

func (e *binaryExpr) eval(r *run, s *scope) any {
	a, b := e.left.eval(r, s), e.right.eval(r, s)
	r.step(e.pos, 1)
	if e.op == "~" {
		x, y := r.str(e.pos, a), r.str(e.pos, b)
		r.made(e.pos, len(x)+len(y))
		return x + y
	}
	for _, v := range []any{a, b} {
		if u, ok := v.(undefined); ok {
			r.fail(e.pos, "%s is undefined", u.what)
		}
	}
	if v, ok := r.joinOrRepeat(e.pos, e.op, a, b); ok {
		return v
	}
	x, i, xi, ok1 := number(a)
	y, j, yi, ok2 := number(b)
	if !ok1 || !ok2 {
		r.fail(e.pos, "%s %s %s is not possible", typeName(a), e.op, typeName(b))
	}
	if xi && yi {
		return r.intOp(e.pos, e.op, i, j)
	}
	return r.floatOp(e.pos, e.op, x, y)
}

// joinOrRepeat is + and * of strings and lists.
func (r *run) joinOrRepeat(pos int, op string, a, b any) (any, bool) {
	if op == "*" {
		if _, ok := a.(int64); ok {
			a, b = b, a
		}
		n, ok := b.(int64)
		if !ok {
			return nil, false
		}
		n = max(0, n)
		switch a := a.(type) {
		case string:
			if len(a) > 0 && n > maxSize/int64(len(a)) {
				r.size(pos, maxSize+1)
			}
			r.made(pos, len(a)*int(n))
			return strings.Repeat(a, int(n)), true
		case *list:
			if len(a.items) > 0 && n > maxRange/int64(len(a.items)) {
				r.fail(pos, "list grows beyond %d items", maxRange)
			}
			return &list{items: slices.Repeat(a.items, int(n)), tuple: a.tuple}, true
		}
		return nil, false
	}
	if op != "+" {
		return nil, false
	}
	switch a := a.(type) {
	case string:
		if b, ok := b.(string); ok {
			r.made(pos, len(a)+len(b))
			return a + b, true
		}
	case *list:
		if b, ok := b.(*list); ok && a.tuple == b.tuple {
			r.made(pos, 16*(len(a.items)+len(b.items)))
			return &list{items: slices.Concat(a.items, b.items), tuple: a.tuple}, true
		}
	}
	return nil, false
}

func (r *run) intOp(pos int, op string, a, b int64) any {
	switch op {
	case "+":
		if c := a + b; (c > a) == (b > 0) {
			return c
		}
	case "-":
		if c := a - b; (c < a) == (b > 0) {
			return c
		}
	case "*":
		if a == 0 || b == 0 {
			return int64(0)
		}
		if c := a * b; c/b == a && !(a == -1 && b == math.MinInt64) && !(b == -1 && a == math.MinInt64) {
			return c
		}
	case "**":
		if b < 0 {
			return math.Pow(float64(a), float64(b))
		}
		if f := math.Pow(float64(a), float64(b)); math.Abs(f) < 1<<53 {
			return int64(f)
		}
	default:
		if b == 0 {
			r.fail(pos, "division by zero")
		}
		if op == "/" {
			return float64(a) / float64(b)
		}
		q, m := a/b, a%b
		if m != 0 && (m < 0) != (b < 0) {
			q, m = q-1, m+b
		}
		if op == "//" {
			return q
		}
		return m
	}
	r.fail(pos, "number is too large")
	return nil
}

func (r *run) floatOp(pos int, op string, a, b float64) any {
	switch op {
	case "+":
		return a + b
	case "-":
		return a - b
	case "*":
		return a * b
	case "**":
		return math.Pow(a, b)
	}
	if b == 0 {
		r.fail(pos, "division by zero")
	}
	switch op {
	case "/":
		return a / b
	case "//":
		return math.Floor(a / b)
	}
	m := math.Mod(a, b)
	if m != 0 && (m < 0) != (b < 0) {
		m += b
	}
	return m
}
