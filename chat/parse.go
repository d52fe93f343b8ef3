package chat

import (
	"fmt"
	"slices"
	"strconv"
)

// maxNesting bounds how deep a template's statements and expressions may nest.
const maxNesting = 200

type parser struct {
	tokens []token
	i      int
	depth  int
	// generation says that the template marks what the assistant wrote
	generation bool
}

func (p *parser) fail(pos int, format string, args ...any) {
	panic(&fault{pos: pos, msg: fmt.Sprintf(format, args...)})
}

func (p *parser) peek() token { return p.tokens[p.i] }

func (p *parser) next() token {
	t := p.tokens[p.i]
	if t.kind != tEOF {
		p.i++
	}
	return t
}

// enter counts one level of nesting; call the result to leave it.
func (p *parser) enter() func() {
	if p.depth++; p.depth > maxNesting {
		p.fail(p.peek().pos, "template is nested more than %d deep", maxNesting)
	}
	return func() { p.depth-- }
}

func (p *parser) isOp(op string) bool     { t := p.peek(); return t.kind == tOp && t.val == op }
func (p *parser) isName(name string) bool { t := p.peek(); return t.kind == tName && t.val == name }

func (p *parser) op(op string) bool {
	if p.isOp(op) {
		p.i++
		return true
	}
	return false
}

func (p *parser) name(name string) bool {
	if p.isName(name) {
		p.i++
		return true
	}
	return false
}

func (t token) String() string {
	switch t.kind {
	case tEOF:
		return "end of template"
	case tText:
		return "text"
	}
	return strconv.Quote(t.val)
}

func (p *parser) wantOp(op string) {
	if !p.op(op) {
		p.fail(p.peek().pos, "expected %q, found %v", op, p.peek())
	}
}

func (p *parser) wantName() token {
	t := p.next()
	if t.kind != tName {
		p.fail(t.pos, "expected a name, found %v", t)
	}
	return t
}

func (p *parser) end() {
	if t := p.next(); t.kind != tEnd {
		p.fail(t.pos, "expected the end of the tag, found %v", t)
	}
}

// body reads statements up to a block whose name is one of ends, and moves behind that name. Without ends it reads
// to the end of the template.
func (p *parser) body(opened int, ends ...string) (nodes []node, end string) {
	defer p.enter()()
	for {
		t := p.next()
		switch t.kind {
		case tEOF:
			if len(ends) > 0 {
				p.fail(opened, "block is not closed: {%% %s %%} is missing", ends[len(ends)-1])
			}
			return nodes, ""
		case tText:
			nodes = append(nodes, textNode(t.val))
		case tVar:
			e := p.tuple()
			p.end()
			nodes = append(nodes, &outputNode{e})
		case tBlock:
			name := p.wantName()
			if slices.Contains(ends, name.val) {
				return nodes, name.val
			}
			nodes = append(nodes, p.statement(name))
		}
	}
}

func (p *parser) statement(name token) node {
	switch name.val {
	case "if":
		return p.ifStatement(name.pos)
	case "for":
		return p.forStatement(name.pos)
	case "set":
		return p.setStatement(name.pos)
	case "macro":
		m := &macroNode{pos: name.pos, name: p.wantName().val}
		p.signature(m)
		p.end()
		m.body, _ = p.body(name.pos, "endmacro")
		p.end()
		return m
	case "call":
		m := &macroNode{pos: name.pos, name: "caller"}
		if p.isOp("(") {
			p.signature(m)
		}
		c, ok := p.expression().(*callExpr)
		if !ok {
			p.fail(name.pos, "call wants a call of a macro")
		}
		p.end()
		m.body, _ = p.body(name.pos, "endcall")
		p.end()
		return &callNode{macro: m, call: c}
	case "filter":
		f := p.filters(nil, true)
		p.end()
		body, _ := p.body(name.pos, "endfilter")
		p.end()
		return &filterNode{filter: f, body: body}
	case "generation":
		p.generation = true
		p.end()
		body, _ := p.body(name.pos, "endgeneration")
		p.end()
		return &generationNode{pos: name.pos, body: body}
	case "with":
		return p.withStatement(name.pos)
	case "break", "continue":
		p.end()
		return jumpNode{pos: name.pos, name: name.val}
	}
	p.fail(name.pos, "statement %q is not known to chat templates", name.val)
	return nil
}

func (p *parser) ifStatement(pos int) node {
	n := &ifNode{}
	for {
		test := p.expression()
		p.end()
		body, end := p.body(pos, "elif", "else", "endif")
		n.tests, n.bodies = append(n.tests, test), append(n.bodies, body)
		switch end {
		case "elif":
			continue
		case "else":
			p.end()
			n.orElse, _ = p.body(pos, "endif")
		}
		p.end()
		return n
	}
}

func (p *parser) forStatement(pos int) node {
	n := &forNode{pos: pos, target: p.targets()}
	if !p.name("in") {
		p.fail(p.peek().pos, "expected \"in\", found %v", p.peek())
	}
	n.iter = p.tupleOf(func() expr { return p.or() })
	if p.name("if") {
		n.filter = p.expression()
	}
	n.recursive = p.name("recursive")
	p.end()
	var end string
	if n.body, end = p.body(pos, "else", "endfor"); end == "else" {
		p.end()
		n.orElse, _ = p.body(pos, "endfor")
	}
	p.end()
	return n
}

// targets reads the names that a for or set assigns to.
func (p *parser) targets() []string {
	paren := p.op("(")
	names := []string{p.wantName().val}
	for p.op(",") {
		if p.isOp(")") || p.isName("in") || p.isOp("=") {
			names = append(names, "") // a trailing comma makes a tuple of one
			break
		}
		names = append(names, p.wantName().val)
	}
	if paren {
		p.wantOp(")")
	}
	return names
}

func (p *parser) setStatement(pos int) node {
	n := &setNode{pos: pos, target: p.targets()}
	if len(n.target) == 1 && p.op(".") {
		n.attr = p.wantName().val
	}
	if p.op("=") {
		n.value = p.tuple()
		p.end()
		return n
	}
	if p.isOp("|") {
		n.filter = p.filters(nil, false)
	}
	p.end()
	n.body, _ = p.body(pos, "endset")
	n.block = true
	p.end()
	return n
}

func (p *parser) withStatement(pos int) node {
	n := &withNode{}
	for p.peek().kind != tEnd {
		if len(n.names) > 0 {
			p.wantOp(",")
		}
		n.names = append(n.names, p.wantName().val)
		p.wantOp("=")
		n.values = append(n.values, p.expression())
	}
	p.end()
	n.body, _ = p.body(pos, "endwith")
	p.end()
	return n
}

func (p *parser) signature(m *macroNode) {
	p.wantOp("(")
	for !p.op(")") {
		if len(m.params) > 0 {
			p.wantOp(",")
		}
		m.params = append(m.params, p.wantName().val)
		var d expr
		if p.op("=") {
			d = p.expression()
		}
		m.defaults = append(m.defaults, d)
	}
}
