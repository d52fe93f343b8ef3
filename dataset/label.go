package dataset

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// More classes than this are taken for a mistake: an id, a number to predict, free text.
const maxClasses = 1000

// tooMany is the error of a column with too many values to be labels.
type tooMany struct{ error }

// classNames finds the class names of a label column over all splits, and says where they are from.
func classNames(d Dict, label string, given []string) (names []string, how string, err error) {
	if given != nil {
		if err := checkNames(given); err != nil {
			return nil, "", err
		}
		return given, "the caller", checkLabels(d, label, given)
	}
	for _, s := range d {
		if f, ok := s.Feature(label); ok && f.Type == Label {
			if names != nil && !slices.Equal(names, f.Names) {
				return nil, "", fmt.Errorf("column %q: split %q has the classes %s, others %s", label, s.Name, list(f.Names), list(names))
			}
			names = f.Names
		}
	}
	if names != nil {
		return names, "the data set's metadata", checkLabels(d, label, names)
	}
	if names, err = labelValues(d, label); err != nil {
		return nil, "", err
	}
	return names, "the labels themselves", checkLabels(d, label, names)
}

// labelValues is the distinct labels over all labelled splits: numbers in their order, others sorted as text.
func labelValues(d Dict, label string) ([]string, error) {
	seen := map[string]bool{}
	var typ Type
	rows := 0
	for _, s := range d {
		c := s.find(label)
		if c == nil || s.unlabelled(c) {
			continue
		}
		t := c.Type
		if t == Float {
			t = Int
		}
		if typ != Null && t != typ {
			return nil, fmt.Errorf("column %q: labels are %s in split %q and %s in others", label, t, s.Name, typ)
		}
		typ = t
		rows += s.Len()
		for i := range s.Len() {
			name, problem := labelName(c, s.at(i))
			if problem != "" {
				return nil, badLabel(s.Dataset, i, c, problem, nil)
			}
			seen[name] = true
			if len(seen) > maxClasses || typ == String && len(seen) > 20 && len(seen) > rows/2 && i == s.Len()-1 {
				return nil, &tooMany{fmt.Errorf("column %q has %d different values in %d rows and more: too many for class labels; name the label column", label, len(seen), i+1)}
			}
		}
	}
	if len(seen) == 0 {
		return nil, fmt.Errorf("column %q: no row has a label (all are null or -1)", label)
	}
	names := slices.Sorted(maps.Keys(seen))
	if typ == Int {
		slices.SortFunc(names, func(a, b string) int {
			x, _ := strconv.Atoi(a)
			y, _ := strconv.Atoi(b)
			return x - y
		})
	}
	return names, nil
}

// unlabelled tells whether every row's label is null or -1, as in the test splits of many benchmarks.
func (d *Dataset) unlabelled(c *column) bool {
	for i := range d.n {
		at := d.at(i)
		if !c.isNull(at) && !(c.ints != nil && c.Type != Bool && c.ints[at] == -1) {
			return false
		}
	}
	return true
}

// labelName is the name that a label's value stands for when nothing else names it.
func labelName(c *column, at int) (name, problem string) {
	if c.isNull(at) {
		return "", "a label"
	}
	switch c.Type {
	case String:
		if strings.TrimSpace(c.strs[at]) == "" {
			return "", "a label"
		}
		return c.strs[at], ""
	case Bool:
		return map[int64]string{0: "False", 1: "True"}[c.ints[at]], "" // as Python spells them
	case Float:
		f := c.floats[at]
		if f != math.Trunc(f) || math.Abs(f) > 1<<53 {
			return "", "a whole number"
		}
		if f < 0 {
			return "", "a class id of 0 or more"
		}
		return strconv.FormatInt(int64(f), 10), ""
	case Int, Label:
		if c.ints[at] < 0 {
			return "", "a class id of 0 or more"
		}
		return strconv.FormatInt(c.ints[at], 10), ""
	}
	return "", "a string or an integer"
}

func badLabel(d *Dataset, i int, c *column, expected string, names []string) error {
	if names != nil {
		expected += fmt.Sprintf(" of %d classes (%s)", len(names), list(names))
	}
	return fmt.Errorf("%s: column %q: found %s, expected %s", d.Where(i), c.Name, c.show(d.at(i)), expected)
}

// checkLabels checks every label of every labelled split.
func checkLabels(d Dict, label string, names []string) error {
	t := Task{Label: label, Names: names}
	for _, s := range d {
		c := s.find(label)
		if c == nil || s.unlabelled(c) {
			continue
		}
		if _, err := t.labels(s.Dataset); err != nil {
			return err
		}
	}
	return nil
}

// Labels returns the class id of every row, in [0, len(t.Names)). Text stands for the class of that name.
// Integers are ids, unless the names are numbers themselves: then 3 is the class named "3". The first label
// that is null, unknown or out of range is an error that names its place.
func (t Task) Labels(d *Dataset) ([]int32, error) {
	ids, err := t.labels(d)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	return ids, nil
}

func (t Task) labels(d *Dataset) ([]int32, error) {
	c := d.find(t.Label)
	if c == nil {
		return nil, fmt.Errorf("no label column %q; the columns are %s", t.Label, list(d.Columns()))
	}
	index := make(map[string]int32, len(t.Names))
	numeric := true
	for i, name := range t.Names {
		index[name] = int32(i)
		_, err := strconv.Atoi(name)
		numeric = numeric && err == nil
	}
	_, no := index["False"]
	_, yes := index["True"]
	byName := c.Type == String || c.Type == Bool && (no || yes) || (c.Type == Int || c.Type == Float) && numeric
	ids := make([]int32, d.n)
	for i := range ids {
		at := d.at(i)
		name, problem := labelName(c, at)
		if problem != "" {
			return nil, badLabel(d, i, c, problem, t.Names)
		}
		var id int64
		ok := true
		switch {
		case byName:
			var k int32
			k, ok = index[name]
			id = int64(k)
		case c.Type == Float:
			id = int64(c.floats[at])
		default:
			id = c.ints[at]
		}
		if !ok || id >= int64(len(t.Names)) {
			what := fmt.Sprintf("an id from 0 to %d", len(t.Names)-1)
			if byName {
				what = "one"
			}
			return nil, badLabel(d, i, c, what, t.Names)
		}
		ids[i] = int32(id)
	}
	return ids, nil
}
