package chat

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// arguments are those of a filter, test, method or global, by position or name.
type arguments struct {
	r     *run
	pos   int
	what  string
	args  []any
	named map[string]any
}

func (a *arguments) at(i int, name string) (any, bool) {
	if i < len(a.args) {
		return a.args[i], true
	}
	v, ok := a.named[name]
	return v, ok
}

func (a *arguments) need(i int, name string) any {
	v, ok := a.at(i, name)
	if !ok {
		a.r.fail(a.pos, "%s wants an argument %s", a.what, name)
	}
	return v
}

func (a *arguments) str(i int, name, otherwise string) string {
	v, ok := a.at(i, name)
	if !ok || v == nil {
		return otherwise
	}
	s, ok := v.(string)
	if !ok {
		a.r.fail(a.pos, "%s: argument %s is not a string but %s", a.what, name, typeName(v))
	}
	return s
}

func (a *arguments) int(i int, name string, otherwise int) int {
	v, ok := a.at(i, name)
	if !ok || v == nil {
		return otherwise
	}
	_, n, isInt, _ := number(v)
	if !isInt {
		a.r.fail(a.pos, "%s: argument %s is not a whole number but %s", a.what, name, typeName(v))
	}
	return int(max(math.MinInt32, min(n, math.MaxInt32)))
}

func (a *arguments) bool(i int, name string, otherwise bool) bool {
	if v, ok := a.at(i, name); ok {
		return truth(v)
	}
	return otherwise
}

// rest are the arguments from i on, for a filter or test that is named by an argument.
func (a *arguments) rest(i int) *arguments {
	return &arguments{r: a.r, pos: a.pos, what: a.what, args: a.args[min(i, len(a.args)):], named: a.named}
}

type filterFunc func(r *run, pos int, v any, a *arguments) any

// ofString makes a filter of a function of strings.
func ofString(f func(string) string) filterFunc {
	return func(r *run, pos int, v any, _ *arguments) any {
		s := f(r.str(pos, v))
		r.made(pos, len(s))
		return s
	}
}

// ofMethod makes a filter of the string method of that name.
func ofMethod(name string) filterFunc {
	return func(r *run, pos int, v any, a *arguments) any {
		return stringMethod(r.str(pos, v), name)(a)
	}
}

// filterNamed returns a filter of Jinja, or nil. (It is a switch and not a table because filters call filters.)
func filterNamed(name string) filterFunc {
	switch name {
	case "abs", "round", "int", "float":
		return numberFilter(name)
	case "capitalize", "lower", "upper", "center", "replace":
		return ofMethod(name)
	case "title":
		return ofString(titleFilter)
	case "trim":
		return ofMethod("strip")
	case "escape", "e":
		return ofString(strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "'", "&#39;", `"`, "&#34;").Replace)
	case "string", "safe":
		return ofString(func(s string) string { return s })
	case "wordcount":
		return func(r *run, pos int, v any, _ *arguments) any { return int64(len(strings.Fields(r.str(pos, v)))) }
	case "indent":
		return indentFilter
	case "tojson":
		return tojson
	case "default", "d":
		return func(_ *run, _ int, v any, a *arguments) any {
			_, missing := v.(undefined)
			if missing || a.bool(1, "boolean", false) && !truth(v) {
				if d, ok := a.at(0, "default_value"); ok {
					return d
				}
				return ""
			}
			return v
		}
	case "length", "count":
		return func(r *run, pos int, v any, _ *arguments) any {
			n := length(v)
			if n < 0 {
				r.fail(pos, "%s has no length", typeName(v))
			}
			return int64(n)
		}
	case "attr":
		return func(r *run, pos int, v any, a *arguments) any { return r.attr(pos, v, a.str(0, "name", "")) }
	case "items":
		return func(r *run, pos int, v any, a *arguments) any {
			switch v := v.(type) {
			case undefined:
				return &list{}
			case *dict:
				return pairs(v)
			}
			r.fail(pos, "items wants a dict, not %s", typeName(v))
			return nil
		}
	case "map", "select", "reject", "selectattr", "rejectattr":
		return pickFilter(name)
	default:
		return listFilter(name)
	}
}

func numberFilter(name string) filterFunc {
	return func(r *run, pos int, v any, a *arguments) any {
		f, i, isInt, ok := number(v)
		switch name {
		case "int":
			if s, isString := v.(string); isString {
				s = strings.TrimSpace(s)
				if n, err := strconv.ParseInt(s, a.int(1, "base", 10), 64); err == nil {
					return n
				}
				var err error
				f, err = strconv.ParseFloat(s, 64)
				ok = err == nil
			}
			if isInt {
				return i
			}
			if !ok || math.IsNaN(f) || math.Abs(f) > 1<<62 {
				return int64(a.int(0, "default", 0))
			}
			return int64(f)
		case "float":
			if s, isString := v.(string); isString {
				var err error
				f, err = strconv.ParseFloat(strings.TrimSpace(s), 64)
				ok = err == nil
			}
			if !ok {
				if d, given := a.at(0, "default"); given {
					return d
				}
				return 0.0
			}
			return f
		}
		if !ok {
			r.fail(pos, "%s wants a number, not %s", name, typeName(v))
		}
		if name == "abs" {
			if isInt {
				return max(i, -i)
			}
			return math.Abs(f)
		}
		scale := math.Pow(10, float64(a.int(0, "precision", 0)))
		switch a.str(1, "method", "common") {
		case "ceil":
			return math.Ceil(f*scale) / scale
		case "floor":
			return math.Floor(f*scale) / scale
		}
		return math.RoundToEven(f*scale) / scale
	}
}

func indentFilter(r *run, pos int, v any, a *arguments) any {
	s := r.str(pos, v)
	width := ""
	switch w := a.args; {
	case len(w) > 0 && typeName(w[0]) == "str":
		width = w[0].(string)
	default:
		n := max(0, a.int(0, "width", 4))
		r.made(pos, n)
		width = strings.Repeat(" ", n)
	}
	lines := strings.Split(s, "\n")
	r.made(pos, len(s)+len(lines)*len(width))
	for i, line := range lines {
		if i == 0 && !a.bool(1, "first", false) || i > 0 && line == "" && !a.bool(2, "blank", false) {
			continue
		}
		lines[i] = width + line
	}
	return strings.Join(lines, "\n")
}

// pickFilter is map, select, reject, selectattr or rejectattr.
func pickFilter(name string) filterFunc {
	return func(r *run, pos int, v any, a *arguments) any {
		out := &list{}
		for _, item := range r.items(pos, v) {
			r.step(pos, 1)
			if name == "map" {
				out.items = append(out.items, r.mapped(pos, item, a))
				continue
			}
			subject, rest := item, a
			if strings.HasSuffix(name, "attr") {
				subject, rest = r.path(pos, item, a.need(0, "attribute")), a.rest(1)
			}
			keep := truth(subject)
			if test, ok := rest.at(0, ""); ok {
				s, _ := test.(string)
				f := testNamed(s)
				if f == nil {
					r.fail(pos, "there is no test %q", r.str(pos, test))
				}
				keep = f(r, pos, subject, rest.rest(1)).(bool)
			}
			if keep == strings.HasPrefix(name, "select") {
				out.items = append(out.items, item)
			}
		}
		return out
	}
}

func (r *run) mapped(pos int, item any, a *arguments) any {
	if attribute, ok := a.named["attribute"]; ok {
		v := r.path(pos, item, attribute)
		if d, ok := a.named["default"]; ok {
			if _, missing := v.(undefined); missing {
				return d
			}
		}
		return v
	}
	name, _ := a.need(0, "filter").(string)
	f := filterNamed(name)
	if f == nil {
		r.fail(pos, "there is no filter %q", name)
	}
	return f(r, pos, item, a.rest(1))
}

// path looks up an attribute such as "a.b.0".
func (r *run) path(pos int, v, attribute any) any {
	if _, ok := attribute.(int64); ok {
		return r.index(pos, v, attribute)
	}
	s, ok := attribute.(string)
	if !ok {
		r.fail(pos, "attribute is not a string but %s", typeName(attribute))
	}
	for part := range strings.SplitSeq(s, ".") {
		var key any = part
		if n, err := strconv.ParseInt(part, 10, 64); err == nil {
			key = n
		}
		v = r.index(pos, v, key)
	}
	return v
}

// listFilter returns a filter of lists, or nil.
func listFilter(name string) filterFunc {
	switch name {
	case "list":
		return func(r *run, pos int, v any, _ *arguments) any { return &list{items: r.items(pos, v)} }
	case "first", "last":
		return func(r *run, pos int, v any, _ *arguments) any {
			items := r.items(pos, v)
			if len(items) == 0 {
				return undefined{"the " + name + " of nothing"}
			}
			if name == "first" {
				return items[0]
			}
			return items[len(items)-1]
		}
	case "join":
		return joinFilter
	case "reverse":
		return func(r *run, pos int, v any, _ *arguments) any {
			items := slices.Clone(r.items(pos, v))
			slices.Reverse(items)
			if _, ok := v.(string); ok {
				return joinFilter(r, pos, &list{items: items}, &arguments{r: r})
			}
			return &list{items: items}
		}
	case "sum":
		return func(r *run, pos int, v any, a *arguments) any {
			var sum any = int64(a.int(1, "start", 0))
			for _, item := range r.keyed(pos, v, a, 0) {
				sum = (&binaryExpr{pos: pos, op: "+", left: constExpr{sum}, right: constExpr{item}}).eval(r, nil)
			}
			return sum
		}
	case "min", "max":
		return func(r *run, pos int, v any, a *arguments) any {
			items, keys := r.items(pos, v), r.keyed(pos, v, a, 1)
			if len(items) == 0 {
				return undefined{"the " + name + " of nothing"}
			}
			best := 0
			for i := range items {
				if c := r.compare(pos, fold(keys[i], a.bool(0, "case_sensitive", false)), fold(keys[best], a.bool(0, "case_sensitive", false))); c < 0 && name == "min" || c > 0 && name == "max" {
					best = i
				}
			}
			return items[best]
		}
	case "sort":
		return func(r *run, pos int, v any, a *arguments) any {
			return r.sorted(pos, v, r.keyed(pos, v, a, 2), a.bool(1, "case_sensitive", false), a.bool(0, "reverse", false))
		}
	case "unique":
		return func(r *run, pos int, v any, a *arguments) any {
			out := &list{}
			seen := &list{}
			for i, key := range r.keyed(pos, v, a, 1) {
				if key = fold(key, a.bool(0, "case_sensitive", false)); !r.contains(pos, seen, key) {
					seen.items = append(seen.items, key)
					out.items = append(out.items, r.items(pos, v)[i])
				}
			}
			return out
		}
	case "dictsort":
		return func(r *run, pos int, v any, a *arguments) any {
			d, ok := v.(*dict)
			if !ok {
				r.fail(pos, "dictsort wants a dict, not %s", typeName(v))
			}
			by := 0
			if a.str(1, "by", "key") == "value" {
				by = 1
			}
			all := pairs(d)
			var keys []any
			for _, p := range all.items {
				keys = append(keys, p.(*list).items[by])
			}
			return r.sorted(pos, all, keys, a.bool(0, "case_sensitive", false), a.bool(2, "reverse", false))
		}
	case "groupby":
		return groupFilter
	case "batch":
		return func(r *run, pos int, v any, a *arguments) any {
			n := max(1, a.int(0, "linecount", 1))
			out := &list{}
			for part := range slices.Chunk(r.items(pos, v), n) {
				part = slices.Clone(part)
				if fill, ok := a.at(1, "fill_with"); ok && fill != nil && n <= maxRange {
					for len(part) < n {
						part = append(part, fill)
					}
				}
				out.items = append(out.items, &list{items: part})
			}
			return out
		}
	}
	return nil
}

func joinFilter(r *run, pos int, v any, a *arguments) any {
	sep := ""
	if s, ok := a.at(0, "d"); ok {
		sep = r.str(pos, s)
	}
	var parts []string
	n := 0
	for _, item := range r.items(pos, v) {
		if attribute, ok := a.at(1, "attribute"); ok && attribute != nil {
			item = r.path(pos, item, attribute)
		}
		s := r.str(pos, item)
		n += len(s) + len(sep)
		r.made(pos, n/16)
		r.size(pos, n)
		parts = append(parts, s)
	}
	r.made(pos, n)
	return strings.Join(parts, sep)
}

// keyed returns the items, or that attribute of each which argument i names.
func (r *run) keyed(pos int, v any, a *arguments, i int) []any {
	items := r.items(pos, v)
	attribute, ok := a.at(i, "attribute")
	if !ok || attribute == nil {
		return items
	}
	out := make([]any, len(items))
	for k, item := range items {
		out[k] = r.path(pos, item, attribute)
	}
	return out
}

func fold(v any, caseSensitive bool) any {
	if s, ok := v.(string); ok && !caseSensitive {
		return strings.ToLower(s)
	}
	return v
}

func (r *run) sorted(pos int, v any, keys []any, caseSensitive, reverse bool) *list {
	items := r.items(pos, v)
	order := make([]int, len(items))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(x, y int) int {
		c := r.compare(pos, fold(keys[x], caseSensitive), fold(keys[y], caseSensitive))
		if reverse {
			return -c
		}
		return c
	})
	out := &list{}
	for _, i := range order {
		out.items = append(out.items, items[i])
	}
	return out
}

func groupFilter(r *run, pos int, v any, a *arguments) any {
	keys := r.keyed(pos, v, a, 0)
	indexed := &list{}
	for i, item := range r.items(pos, v) {
		indexed.items = append(indexed.items, &list{items: []any{fold(keys[i], false), item, keys[i]}})
	}
	out := &list{}
	var group *list
	var last any
	for _, p := range r.sorted(pos, indexed, keys, false, false).items {
		p := p.(*list).items
		if group == nil || !r.equal(last, p[0]) {
			group, last = &list{}, p[0]
			out.items = append(out.items, &list{items: []any{p[2], group}, tuple: true})
		}
		group.items = append(group.items, p[1])
	}
	return out
}

func pairs(d *dict) *list {
	out := &list{}
	for _, k := range d.keys {
		out.items = append(out.items, &list{items: []any{k, d.m[k]}, tuple: true})
	}
	return out
}

// testNamed returns a test of Jinja, or nil.
func testNamed(name string) filterFunc {
	is := func(f func(v any) bool) filterFunc {
		return func(_ *run, _ int, v any, _ *arguments) any { return f(v) }
	}
	switch name {
	case "defined":
		return is(func(v any) bool { _, missing := v.(undefined); return !missing })
	case "undefined":
		return is(func(v any) bool { _, missing := v.(undefined); return missing })
	case "none":
		return is(func(v any) bool { return v == nil })
	case "boolean":
		return is(func(v any) bool { _, ok := v.(bool); return ok })
	case "true", "false":
		return is(func(v any) bool { return v == (name == "true") })
	case "integer":
		return is(func(v any) bool { _, ok := v.(int64); return ok })
	case "float":
		return is(func(v any) bool { _, ok := v.(float64); return ok })
	case "number":
		return is(func(v any) bool { _, _, _, ok := number(v); return ok })
	case "string":
		return is(func(v any) bool { _, ok := v.(string); return ok })
	case "mapping":
		return is(func(v any) bool { _, ok := v.(*dict); return ok })
	case "sequence", "iterable":
		return is(func(v any) bool { return length(v) >= 0 })
	case "callable":
		// what is undefined has a __call__ in Jinja, which fails
		return is(func(v any) bool { t := typeName(v); return t == "function" || t == "undefined" })
	case "lower":
		return is(func(v any) bool { s, ok := v.(string); return ok && s == strings.ToLower(s) && s != strings.ToUpper(s) })
	case "upper":
		return is(func(v any) bool { s, ok := v.(string); return ok && s == strings.ToUpper(s) && s != strings.ToLower(s) })
	case "odd", "even", "divisibleby":
		return func(r *run, pos int, v any, a *arguments) any {
			by, want := 2, int64(0)
			switch name {
			case "odd":
				want = 1
			case "divisibleby":
				by = a.int(0, "num", 0)
			}
			return r.equal(r.remainder(pos, v, int64(by)), want)
		}
	case "sameas":
		return func(r *run, pos int, v any, a *arguments) any {
			other := a.need(0, "other")
			return typeName(v) == typeName(other) && r.equal(v, other)
		}
	case "filter":
		return is(func(v any) bool { s, ok := v.(string); return ok && filterNamed(s) != nil })
	case "test":
		return is(func(v any) bool { s, ok := v.(string); return ok && testNamed(s) != nil })
	}
	ops := map[string]string{"eq": "==", "equalto": "==", "==": "==", "ne": "!=", "!=": "!=", "lt": "<", "lessthan": "<", "<": "<",
		"le": "<=", "<=": "<=", "gt": ">", "greaterthan": ">", ">": ">", "ge": ">=", ">=": ">=", "in": "in"}
	if op, ok := ops[name]; ok {
		return func(r *run, pos int, v any, a *arguments) any { return r.holds(pos, op, v, a.need(0, "other")) }
	}
	return nil
}

func (r *run) remainder(pos int, v any, by int64) any {
	return (&binaryExpr{pos: pos, op: "%", left: constExpr{v}, right: constExpr{by}}).eval(r, nil)
}

// titleCase is Python's str.title.
func titleCase(s string) string {
	inWord := false
	return strings.Map(func(c rune) rune {
		defer func() { inWord = unicode.IsLetter(c) }()
		if inWord {
			return unicode.ToLower(c)
		}
		return unicode.ToTitle(c)
	}, s)
}

// titleFilter is Jinja's title, whose words end at other characters than Python's.
func titleFilter(s string) string {
	start := true
	return strings.Map(func(c rune) rune {
		defer func() { start = unicode.IsSpace(c) || strings.ContainsRune("-({[<", c) }()
		if start {
			return unicode.ToUpper(c)
		}
		return unicode.ToLower(c)
	}, s)
}

func capitalize(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return s
	}
	return string(unicode.ToTitle(r)) + strings.ToLower(s[n:])
}

// bounds clips Python's start and end of a search to n.
func bounds(start, end, n int) (int, int) {
	at := func(i int) int {
		if i < 0 {
			i += n
		}
		return max(0, min(i, n))
	}
	return at(start), at(end)
}
