package chat

import (
	"slices"
	"strconv"
)

// tuple reads an expression, or several with commas between them.
func (p *parser) tuple() expr { return p.tupleOf(p.expression) }

func (p *parser) tupleOf(one func() expr) expr {
	first := one()
	if !p.isOp(",") {
		return first
	}
	l := &listExpr{tuple: true, items: []expr{first}}
	for p.op(",") {
		if t := p.peek(); t.kind == tEnd || p.isOp(")") || p.isOp("=") {
			break
		}
		l.items = append(l.items, one())
	}
	return l
}

func (p *parser) expression() expr {
	defer p.enter()()
	e := p.or()
	for p.name("if") {
		c := &condExpr{test: p.or(), then: e}
		if p.name("else") {
			c.orElse = p.expression()
		}
		e = c
	}
	return e
}

func (p *parser) or() expr {
	e := p.and()
	for p.name("or") {
		e = &logicExpr{or: true, left: e, right: p.and()}
	}
	return e
}

func (p *parser) and() expr {
	e := p.not()
	for p.name("and") {
		e = &logicExpr{left: e, right: p.not()}
	}
	return e
}

func (p *parser) not() expr {
	defer p.enter()()
	if p.name("not") {
		return &notExpr{p.not()}
	}
	return p.compare()
}

func (p *parser) compare() expr {
	pos := p.peek().pos
	first := p.sum()
	var c *compareExpr
	for {
		op := ""
		switch t := p.peek(); {
		case t.kind == tOp && slices.Contains([]string{"==", "!=", "<", "<=", ">", ">="}, t.val):
			op = t.val
			p.i++
		case p.isName("in"):
			op = "in"
			p.i++
		case p.isName("not") && p.tokens[p.i+1].kind == tName && p.tokens[p.i+1].val == "in":
			op = "not in"
			p.i += 2
		default:
			if c != nil {
				return c
			}
			return first
		}
		if c == nil {
			c = &compareExpr{pos: pos, first: first}
		}
		c.ops, c.rest = append(c.ops, op), append(c.rest, p.sum())
	}
}

// binary reads a row of operands with operators between them, from left to right.
func (p *parser) binary(operand func() expr, ops ...string) expr {
	e := operand()
	for {
		t := p.peek()
		if t.kind != tOp || !slices.Contains(ops, t.val) {
			return e
		}
		p.i++
		e = &binaryExpr{pos: t.pos, op: t.val, left: e, right: operand()}
	}
}

func (p *parser) sum() expr     { return p.binary(p.concat, "+", "-") }
func (p *parser) concat() expr  { return p.binary(p.product, "~") }
func (p *parser) product() expr { return p.binary(p.power, "*", "/", "//", "%") }
func (p *parser) power() expr   { return p.binary(func() expr { return p.unary(true) }, "**") }

func (p *parser) unary(filters bool) expr {
	defer p.enter()()
	var e expr
	switch t := p.peek(); {
	case p.op("-"):
		e = &negExpr{pos: t.pos, minus: true, e: p.unary(false)}
	case p.op("+"):
		e = &negExpr{pos: t.pos, e: p.unary(false)}
	default:
		e = p.primary()
	}
	e = p.postfix(e)
	if filters {
		e = p.filterExpr(e)
	}
	return e
}

var constants = map[string]any{"true": true, "True": true, "false": false, "False": false, "none": nil, "None": nil}

func (p *parser) primary() expr {
	t := p.next()
	switch t.kind {
	case tName:
		if v, ok := constants[t.val]; ok {
			return constExpr{v}
		}
		return &nameExpr{pos: t.pos, name: t.val}
	case tString:
		s := t.val
		for p.peek().kind == tString {
			s += p.next().val
		}
		return constExpr{s}
	case tInt:
		n, err := strconv.ParseInt(t.val, 10, 64)
		if err != nil {
			p.fail(t.pos, "number %s is too large", t.val)
		}
		return constExpr{n}
	case tFloat:
		f, err := strconv.ParseFloat(t.val, 64)
		if err != nil {
			p.fail(t.pos, "number %s: %v", t.val, err)
		}
		return constExpr{f}
	case tOp:
		switch t.val {
		case "(":
			if p.op(")") {
				return &listExpr{tuple: true}
			}
			e := p.tuple()
			p.wantOp(")")
			return e
		case "[":
			return &listExpr{items: p.items("]")}
		case "{":
			return p.dict()
		}
	}
	p.fail(t.pos, "expected an expression, found %v", t)
	return nil
}

func (p *parser) items(end string) (items []expr) {
	for !p.op(end) {
		if len(items) > 0 {
			p.wantOp(",")
			if p.op(end) {
				break
			}
		}
		items = append(items, p.expression())
	}
	return items
}

func (p *parser) dict() expr {
	d := &dictExpr{pos: p.peek().pos}
	for !p.op("}") {
		if len(d.keys) > 0 {
			p.wantOp(",")
			if p.op("}") {
				break
			}
		}
		d.keys = append(d.keys, p.expression())
		p.wantOp(":")
		d.values = append(d.values, p.expression())
	}
	return d
}

// postfix reads attributes, subscripts and calls.
func (p *parser) postfix(e expr) expr {
	for {
		t := p.peek()
		switch {
		case p.op("."):
			name := p.next()
			switch name.kind {
			case tName:
				e = &attrExpr{pos: t.pos, obj: e, name: name.val}
			case tInt:
				n, _ := strconv.ParseInt(name.val, 10, 64)
				e = &indexExpr{pos: t.pos, obj: e, index: constExpr{n}}
			default:
				p.fail(name.pos, "expected a name after the dot, found %v", name)
			}
		case p.op("["):
			e = p.subscript(e, t.pos)
		case p.op("("):
			c := &callExpr{pos: t.pos, fn: e}
			p.arguments(&c.args)
			e = c
		default:
			return e
		}
	}
}

func (p *parser) subscript(obj expr, pos int) expr {
	var part [3]expr
	n := 0
	for !p.op("]") {
		if p.op(":") {
			if n++; n > 2 {
				p.fail(pos, "slice has more than three parts")
			}
			continue
		}
		if part[n] != nil {
			p.wantOp("]")
		}
		part[n] = p.tuple()
	}
	if n > 0 {
		return &sliceExpr{pos: pos, obj: obj, part: part}
	}
	if part[0] == nil {
		p.fail(pos, "subscript is empty")
	}
	return &indexExpr{pos: pos, obj: obj, index: part[0]}
}

// arguments reads a call's arguments behind its opening parenthesis.
func (p *parser) arguments(a *argList) {
	for n := 0; !p.op(")"); n++ {
		if n > 0 {
			p.wantOp(",")
			if p.op(")") {
				return
			}
		}
		if t := p.peek(); t.kind == tName && p.tokens[p.i+1].kind == tOp && p.tokens[p.i+1].val == "=" {
			p.i += 2
			a.names, a.named = append(a.names, t.val), append(a.named, p.expression())
			continue
		}
		if p.isOp("*") || p.isOp("**") {
			p.fail(p.peek().pos, "* and ** in calls are not supported")
		}
		if len(a.names) > 0 {
			p.fail(p.peek().pos, "an argument without a name follows one with a name")
		}
		a.args = append(a.args, p.expression())
	}
}

// filterExpr reads | filters, is tests and what may follow them.
func (p *parser) filterExpr(e expr) expr {
	for {
		switch {
		case p.isOp("|"):
			e = p.filters(e, false)
		case p.isName("is"):
			e = p.test(e)
		case p.isOp("("):
			t := p.next()
			c := &callExpr{pos: t.pos, fn: e}
			p.arguments(&c.args)
			e = c
		default:
			return e
		}
	}
}

// filters reads | name(arguments) …; bare leaves out the first bar. The innermost filter takes e, which is nil where
// a block is filtered.
func (p *parser) filters(e expr, bare bool) expr {
	for bare || p.op("|") {
		bare = false
		name := p.wantName()
		full := name.val
		for p.op(".") {
			full += "." + p.wantName().val
		}
		f := &filterExpr{pos: name.pos, name: full, obj: e}
		if p.op("(") {
			p.arguments(&f.args)
		}
		if filterNamed(full) == nil {
			p.fail(name.pos, "there is no filter %q", full)
		}
		e = f
	}
	return e
}

func (p *parser) test(e expr) expr {
	pos := p.next().pos
	not := p.name("not")
	name := p.wantName()
	t := &testExpr{pos: pos, name: name.val, obj: e}
	if testNamed(name.val) == nil {
		p.fail(name.pos, "there is no test %q", name.val)
	}
	next := p.peek()
	switch {
	case p.op("("):
		p.arguments(&t.args)
	case next.kind == tName && !slices.Contains([]string{"else", "or", "and", "is", "if", "in", "not", "recursive"}, next.val),
		next.kind == tString, next.kind == tInt, next.kind == tFloat, p.isOp("["), p.isOp("{"):
		t.args.args = []expr{p.postfix(p.primary())}
	}
	if not {
		return &notExpr{t}
	}
	return t
}
