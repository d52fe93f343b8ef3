package chat

import "strings"

// Nodes are statements; expr are expressions.
type (
	node interface{ exec(r *run, s *scope) }
	expr interface{ eval(r *run, s *scope) any }
)

type (
	textNode   string
	outputNode struct{ e expr }
	ifNode     struct {
		tests  []expr
		bodies [][]node
		orElse []node
	}
	forNode struct {
		pos          int
		target       []string
		iter, filter expr
		recursive    bool
		body, orElse []node
	}
	setNode struct {
		pos    int
		target []string
		attr   string
		value  expr
		filter expr // of a block
		block  bool
		body   []node
	}
	withNode struct {
		names  []string
		values []expr
		body   []node
	}
	macroNode struct {
		pos      int
		name     string
		params   []string
		defaults []expr
		body     []node
	}
	callNode struct {
		macro *macroNode
		call  *callExpr
	}
	filterNode struct {
		filter expr
		body   []node
	}
	generationNode struct {
		pos  int
		body []node
	}
	jumpNode struct {
		pos  int
		name string
	}
)

// A scope holds the variables of a block; what it lacks is looked up in the block around it.
type scope struct {
	vars map[string]any
	up   *scope
}

func (s *scope) inner() *scope { return &scope{up: s} }

func (s *scope) set(name string, v any) {
	if s.vars == nil {
		s.vars = map[string]any{}
	}
	s.vars[name] = v
}

func (s *scope) get(name string) (any, bool) {
	for ; s != nil; s = s.up {
		if v, ok := s.vars[name]; ok {
			return v, true
		}
	}
	return nil, false
}

func (r *run) exec(nodes []node, s *scope) {
	for _, n := range nodes {
		if r.jump != "" {
			return
		}
		n.exec(r, s)
	}
}

// capture runs nodes and returns what they write.
func (r *run) capture(nodes []node, s *scope) string {
	outer := r.out
	r.out = new(strings.Builder)
	defer func() { r.out = outer }()
	r.exec(nodes, s)
	return r.out.String()
}

func (r *run) write(pos int, text string) {
	r.step(pos, 1)
	r.size(pos, r.out.Len()+len(text))
	r.out.WriteString(text)
}

func (n textNode) exec(r *run, _ *scope) { r.write(0, string(n)) }

func (n *outputNode) exec(r *run, s *scope) { r.write(0, r.str(0, n.e.eval(r, s))) }

func (n *ifNode) exec(r *run, s *scope) {
	r.step(0, 1)
	for i, test := range n.tests {
		if truth(test.eval(r, s)) {
			r.exec(n.bodies[i], s)
			return
		}
	}
	r.exec(n.orElse, s)
}

// assign gives a value to one name or takes it apart for several.
func (r *run) assign(pos int, s *scope, names []string, v any) {
	if len(names) == 1 {
		s.set(names[0], v)
		return
	}
	if names[len(names)-1] == "" {
		names = names[:len(names)-1]
	}
	items := r.items(pos, v)
	if len(items) != len(names) {
		r.fail(pos, "%d names for %d values", len(names), len(items))
	}
	for i, name := range names {
		s.set(name, items[i])
	}
}

func (n *forNode) exec(r *run, s *scope) { n.loop(r, s, n.iter.eval(r, s), 0) }

func (n *forNode) loop(r *run, s *scope, over any, depth int) {
	defer r.enter()()
	items := r.items(n.pos, over)
	if n.filter != nil {
		var kept []any
		for _, item := range items {
			r.step(n.pos, 1)
			in := s.inner()
			r.assign(n.pos, in, n.target, item)
			if truth(n.filter.eval(r, in)) {
				kept = append(kept, item)
			}
		}
		items = kept
	}
	l := &loop{items: items, depth: depth}
	if n.recursive {
		l.again = func(over any) string {
			outer := r.out
			r.out = new(strings.Builder)
			defer func() { r.out = outer }()
			n.loop(r, s, over, depth+1)
			return r.out.String()
		}
	}
	for i, item := range items {
		r.step(n.pos, 4) // a scope is made
		in := s.inner()
		l.i = i
		r.assign(n.pos, in, n.target, item)
		in.set("loop", l)
		r.exec(n.body, in)
		if r.jump == "break" {
			r.jump = ""
			break
		}
		r.jump = ""
	}
	if len(items) == 0 {
		r.exec(n.orElse, s.inner())
	}
}

// A loop is the variable of that name within a for.
type loop struct {
	items   []any
	i       int
	depth   int
	again   func(any) string
	changed []any
}

func (l *loop) attr(r *run, name string) any {
	n := len(l.items)
	at := func(i int) any {
		if i < 0 || i >= n {
			return undefined{"loop." + name}
		}
		return l.items[i]
	}
	switch name {
	case "index":
		return int64(l.i + 1)
	case "index0":
		return int64(l.i)
	case "revindex":
		return int64(n - l.i)
	case "revindex0":
		return int64(n - l.i - 1)
	case "first":
		return l.i == 0
	case "last":
		return l.i == n-1
	case "length":
		return int64(n)
	case "previtem":
		return at(l.i - 1)
	case "nextitem":
		return at(l.i + 1)
	case "depth":
		return int64(l.depth + 1)
	case "depth0":
		return int64(l.depth)
	case "cycle":
		return &function{"cycle", func(r *run, args []any, _ map[string]any) any {
			if len(args) == 0 {
				r.fail(r.pos, "loop.cycle has nothing to cycle")
			}
			return args[l.i%len(args)]
		}}
	case "changed":
		return &function{"changed", func(r *run, args []any, _ map[string]any) any {
			same := l.changed != nil && r.equal(&list{items: l.changed}, &list{items: args})
			l.changed = args
			return !same
		}}
	}
	return undefined{"loop." + name}
}

func (n *setNode) exec(r *run, s *scope) {
	r.step(n.pos, 1)
	var v any
	if n.block {
		v = r.capture(n.body, s.inner())
		if n.filter != nil {
			v = r.filterBlock(n.filter, s, v)
		}
	} else {
		v = n.value.eval(r, s)
	}
	if n.attr == "" {
		r.assign(n.pos, s, n.target, v)
		return
	}
	obj, _ := s.get(n.target[0])
	ns, ok := obj.(*namespace)
	if !ok {
		r.fail(n.pos, "%s.%s cannot be set: only attributes of a namespace can", n.target[0], n.attr)
	}
	ns.vars[n.attr] = v
}

func (n *withNode) exec(r *run, s *scope) {
	in := s.inner()
	for i, name := range n.names {
		in.set(name, n.values[i].eval(r, s))
	}
	r.exec(n.body, in)
}

func (n *macroNode) exec(r *run, s *scope) { s.set(n.name, n.bind(r, s)) }

// bind makes a function of a macro; caller, if any, is passed by name.
func (n *macroNode) bind(_ *run, s *scope) *function {
	return &function{n.name, func(r *run, args []any, named map[string]any) any {
		defer r.enter()()
		in := s.inner()
		if len(args) > len(n.params) {
			r.fail(r.pos, "macro %s takes %d arguments, not %d", n.name, len(n.params), len(args))
		}
		used := 0
		for i, param := range n.params {
			v, ok := named[param]
			switch {
			case i < len(args):
				in.set(param, args[i])
			case ok:
				used++
				in.set(param, v)
			case n.defaults[i] != nil:
				in.set(param, n.defaults[i].eval(r, in))
			default:
				in.set(param, undefined{param})
			}
		}
		if c, ok := named["caller"]; ok {
			used++
			in.set("caller", c)
		}
		if used < len(named) {
			r.fail(r.pos, "macro %s was given an argument by a name that it does not have", n.name)
		}
		return r.capture(n.body, in)
	}}
}

func (n *callNode) exec(r *run, s *scope) {
	v := n.call.invoke(r, s, map[string]any{"caller": n.macro.bind(r, s)})
	r.write(n.call.pos, r.str(n.call.pos, v))
}

func (n *filterNode) exec(r *run, s *scope) {
	text := r.capture(n.body, s.inner())
	r.write(0, r.str(0, r.filterBlock(n.filter, s, text)))
}

func (n *generationNode) exec(r *run, s *scope) {
	start := r.out.Len()
	r.exec(n.body, s.inner())
	if r.out == r.root {
		r.spans = append(r.spans, Span{start, r.out.Len()})
	} else if r.misplaced == nil {
		r.misplaced = &fault{pos: n.pos, msg: "a generation block within a macro or a set block has no place in the text"}
	}
}

func (n jumpNode) exec(r *run, _ *scope) { r.jump = n.name }
