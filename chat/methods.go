package chat

import (
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

type methodFunc func(a *arguments) any

// method returns obj.name as a function, or nil. Methods that change their object do not exist: data is read-only.
func method(obj any, name string) any {
	var m methodFunc
	switch o := obj.(type) {
	case string:
		m = stringMethod(o, name)
	case *dict:
		m = dictMethod(o, name)
	case *list:
		m = listMethod(o, name)
	}
	if m == nil {
		return nil
	}
	return &function{name, func(r *run, args []any, named map[string]any) any {
		return m(&arguments{r: r, pos: r.pos, what: name, args: args, named: named})
	}}
}

func dictMethod(d *dict, name string) methodFunc {
	switch name {
	case "items":
		return func(*arguments) any { return pairs(d) }
	case "keys":
		return func(*arguments) any { return &list{items: d.keys} }
	case "values":
		return func(*arguments) any {
			out := &list{}
			for _, k := range d.keys {
				out.items = append(out.items, d.m[k])
			}
			return out
		}
	case "get":
		return func(a *arguments) any {
			key := a.need(0, "key")
			if v, ok := d.get(key); ok && hashable(key) {
				return v
			}
			v, _ := a.at(1, "default")
			return v
		}
	case "copy":
		return func(*arguments) any { return d }
	case "update", "pop", "popitem", "clear", "setdefault":
		return readOnly
	}
	return nil
}

func listMethod(l *list, name string) methodFunc {
	switch name {
	case "index", "count":
		return func(a *arguments) any {
			v := a.need(0, "value")
			n := int64(0)
			for i, item := range l.items {
				if a.r.step(a.pos, 1); a.r.equal(item, v) {
					if name == "index" {
						return int64(i)
					}
					n++
				}
			}
			if name == "index" {
				a.r.fail(a.pos, "value is not in the list")
			}
			return n
		}
	case "copy":
		return func(*arguments) any { return l }
	case "append", "extend", "insert", "pop", "remove", "clear", "sort", "reverse":
		if l.tuple {
			return nil
		}
		return readOnly
	}
	return nil
}

func readOnly(a *arguments) any {
	a.r.fail(a.pos, "%s would change data, which chat templates may not", a.what)
	return nil
}

// stringMethod returns the method of Python's str of that name, or nil.
func stringMethod(s, name string) methodFunc {
	text := func(f func(a *arguments) string) methodFunc {
		return func(a *arguments) any {
			out := f(a)
			a.r.made(a.pos, len(out)+len(s))
			return out
		}
	}
	switch name {
	case "upper":
		return text(func(*arguments) string { return strings.ToUpper(s) })
	case "lower", "casefold":
		return text(func(*arguments) string { return strings.ToLower(s) })
	case "title":
		return text(func(*arguments) string { return titleCase(s) })
	case "capitalize":
		return text(func(*arguments) string { return capitalize(s) })
	case "strip", "lstrip", "rstrip":
		return text(func(a *arguments) string { return stripped(s, name, a) })
	case "removeprefix":
		return text(func(a *arguments) string { return strings.TrimPrefix(s, a.str(0, "prefix", "")) })
	case "removesuffix":
		return text(func(a *arguments) string { return strings.TrimSuffix(s, a.str(0, "suffix", "")) })
	case "replace":
		return func(a *arguments) any { return replaced(s, a) }
	case "center", "ljust", "rjust", "zfill":
		return func(a *arguments) any { return padded(s, name, a) }
	case "join":
		return func(a *arguments) any {
			for _, item := range a.r.items(a.pos, a.need(0, "iterable")) {
				if _, ok := item.(string); !ok {
					a.r.fail(a.pos, "join wants strings, not %s", typeName(item))
				}
			}
			return joinFilter(a.r, a.pos, a.args[0], &arguments{r: a.r, args: []any{s}})
		}
	case "startswith", "endswith":
		return func(a *arguments) any { return affix(s, name, a) }
	case "split", "rsplit", "splitlines", "partition", "rpartition":
		return splitMethod(s, name)
	case "find", "rfind", "index", "rindex", "count":
		return searchMethod(s, name)
	}
	return classMethod(s, name)
}

func stripped(s, name string, a *arguments) string {
	in := unicode.IsSpace
	if set, ok := a.at(0, "chars"); ok && set != nil {
		chars := a.str(0, "chars", "")
		in = func(r rune) bool { return strings.ContainsRune(chars, r) }
	}
	if name != "rstrip" {
		s = strings.TrimLeftFunc(s, in)
	}
	if name != "lstrip" {
		s = strings.TrimRightFunc(s, in)
	}
	return s
}

func replaced(s string, a *arguments) any {
	r := a.r
	old, with := r.str(a.pos, a.need(0, "old")), r.str(a.pos, a.need(1, "new"))
	n := a.int(2, "count", -1)
	found := strings.Count(s, old)
	if n >= 0 {
		found = min(found, n)
	}
	r.made(a.pos, len(s)+found*max(0, len(with)-len(old)))
	return strings.Replace(s, old, with, n)
}

func padded(s, name string, a *arguments) any {
	width := a.int(0, "width", 80)
	fill := a.str(1, "fillchar", " ")
	n := width - utf8.RuneCountInString(s)
	if n <= 0 {
		return s
	}
	a.r.made(a.pos, n*len(fill)+len(s))
	switch name {
	case "center":
		left := n/2 + n&width&1
		return strings.Repeat(fill, left) + s + strings.Repeat(fill, n-left)
	case "ljust":
		return s + strings.Repeat(fill, n)
	case "rjust":
		return strings.Repeat(fill, n) + s
	}
	sign := ""
	if s != "" && (s[0] == '-' || s[0] == '+') {
		sign, s = s[:1], s[1:]
	}
	return sign + strings.Repeat("0", n) + s
}

func affix(s, name string, a *arguments) any {
	v := a.need(0, "prefix")
	options := []any{v}
	if l, ok := v.(*list); ok && l.tuple {
		options = l.items
	}
	return slices.ContainsFunc(options, func(o any) bool {
		part, ok := o.(string)
		if !ok {
			a.r.fail(a.pos, "%s wants a string, not %s", name, typeName(o))
		}
		if name == "startswith" {
			return strings.HasPrefix(s, part)
		}
		return strings.HasSuffix(s, part)
	})
}

func splitMethod(s, name string) methodFunc {
	strs := func(a *arguments, parts []string, tuple bool) any {
		a.r.made(a.pos, len(s)+16*len(parts))
		out := &list{tuple: tuple}
		for _, p := range parts {
			out.items = append(out.items, p)
		}
		return out
	}
	switch name {
	case "splitlines":
		return func(a *arguments) any {
			lines := strings.Split(strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n"), "\n")
			if lines[len(lines)-1] == "" {
				lines = lines[:len(lines)-1]
			}
			return strs(a, lines, false)
		}
	case "partition", "rpartition":
		return func(a *arguments) any {
			sep := a.str(0, "sep", "")
			i := strings.Index(s, sep)
			if name == "rpartition" {
				i = strings.LastIndex(s, sep)
			}
			switch {
			case sep == "":
				a.r.fail(a.pos, "%s by an empty separator", name)
			case i < 0 && name == "partition":
				return strs(a, []string{s, "", ""}, true)
			case i < 0:
				return strs(a, []string{"", "", s}, true)
			}
			return strs(a, []string{s[:i], sep, s[i+len(sep):]}, true)
		}
	}
	return func(a *arguments) any {
		n := a.int(1, "maxsplit", -1)
		if sep, ok := a.at(0, "sep"); ok && sep != nil {
			by := a.str(0, "sep", "")
			if by == "" {
				a.r.fail(a.pos, "split by an empty separator")
			}
			if name == "split" || n < 0 {
				if n >= 0 {
					n++
				}
				return strs(a, strings.SplitN(s, by, n), false)
			}
			return strs(a, rsplit(s, by, n), false)
		}
		if n < 0 || name == "rsplit" {
			return strs(a, strings.Fields(s), false)
		}
		var parts []string
		rest := strings.TrimLeftFunc(s, unicode.IsSpace)
		for ; rest != "" && n > 0; n-- {
			i := strings.IndexFunc(rest, unicode.IsSpace)
			if i < 0 {
				break
			}
			parts = append(parts, rest[:i])
			rest = strings.TrimLeftFunc(rest[i:], unicode.IsSpace)
		}
		if rest != "" {
			parts = append(parts, rest)
		}
		return strs(a, parts, false)
	}
}

func rsplit(s, by string, n int) (parts []string) {
	for ; n > 0; n-- {
		i := strings.LastIndex(s, by)
		if i < 0 {
			break
		}
		parts = append(parts, s[i+len(by):])
		s = s[:i]
	}
	parts = append(parts, s)
	slices.Reverse(parts)
	return parts
}

func searchMethod(s, name string) methodFunc {
	return func(a *arguments) any {
		part := a.str(0, "sub", "")
		chars := []rune(s)
		a.r.made(a.pos, len(s))
		start, end := bounds(a.int(1, "start", 0), a.int(2, "end", math.MaxInt32), len(chars))
		in := string(chars[start:max(start, end)])
		if name == "count" {
			return int64(strings.Count(in, part))
		}
		i := strings.Index(in, part)
		if name[0] == 'r' {
			i = strings.LastIndex(in, part)
		}
		if i < 0 {
			if strings.HasSuffix(name, "index") {
				a.r.fail(a.pos, "%q is not in the string", part)
			}
			return int64(-1)
		}
		return int64(start + utf8.RuneCountInString(in[:i]))
	}
}

// classMethod is isdigit and its like.
func classMethod(s, name string) methodFunc {
	all := func(in func(rune) bool) methodFunc {
		return func(*arguments) any {
			return s != "" && strings.IndexFunc(s, func(r rune) bool { return !in(r) }) < 0
		}
	}
	switch name {
	case "isdigit", "isdecimal", "isnumeric":
		return all(unicode.IsDigit)
	case "isalpha":
		return all(unicode.IsLetter)
	case "isalnum":
		return all(func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) })
	case "isspace":
		return all(unicode.IsSpace)
	case "isupper":
		return func(*arguments) any { return s == strings.ToUpper(s) && s != strings.ToLower(s) }
	case "islower":
		return func(*arguments) any { return s == strings.ToLower(s) && s != strings.ToUpper(s) }
	}
	return nil
}
