// Package sweep tries several settings of one job: which settings there are, a table on disk of the runs that are done,
// and what the results say, with their uncertainty. It knows nothing of models: a run is a name, values of flags, and the
// metrics that came out.
package sweep

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// An Axis is a flag and the values to try: either Values or a Range.
type Axis struct {
	Name   string
	Values []string
	Range  *Range
}

// A Range is all numbers from Low to High, to draw from at random.
type Range struct {
	Low, High float64
	Log       bool // evenly in the logarithm
	Whole     bool // whole numbers only
}

// ParseAxis reads "1e-5,3e-5,1e-4" as three values and "1e-5..1e-3" as a range. A range of positive numbers whose ends
// are ten times apart or more is logarithmic.
func ParseAxis(name, text string) (Axis, error) {
	low, high, isRange := strings.Cut(text, "..")
	if !isRange {
		return NewAxis(name, strings.Split(text, ","))
	}
	var ends [2]float64
	for i, s := range []string{low, high} {
		x, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
		if err != nil {
			return Axis{}, fmt.Errorf("sweep: %s: %q is no range of numbers such as 1e-5..1e-3", name, text)
		}
		ends[i] = x
	}
	r := Range{Low: ends[0], High: ends[1], Log: ends[0] > 0 && ends[1] >= 10*ends[0]}
	return Axis{Name: name, Range: &r}, r.check(name)
}

// NewAxis makes an axis of values, which must differ.
func NewAxis(name string, values []string) (Axis, error) {
	a := Axis{Name: name}
	for _, v := range values {
		v = strings.TrimSpace(v)
		if v == "" {
			return a, fmt.Errorf("sweep: %s has an empty value in %q", name, strings.Join(values, ","))
		}
		if slices.Contains(a.Values, v) {
			return a, fmt.Errorf("sweep: %s has the value %s twice", name, v)
		}
		a.Values = append(a.Values, v)
	}
	return a, nil
}

func (r Range) check(name string) error {
	switch {
	case !(r.Low < r.High) || math.IsInf(r.High-r.Low, 0):
		return fmt.Errorf("sweep: %s: a range goes from a smaller to a larger number, not from %g to %g", name, r.Low, r.High)
	case r.Log && r.Low <= 0:
		return fmt.Errorf("sweep: %s: a range on a log scale begins above 0, not at %g", name, r.Low)
	}
	return nil
}

// draw returns a number of the range with three significant digits.
func (r Range) draw(g *rand.Rand) string {
	x := r.Low + (r.High-r.Low)*g.Float64()
	if r.Log {
		low, high := math.Log(r.Low), math.Log(r.High)
		x = math.Exp(low + (high-low)*g.Float64())
	}
	if r.Whole {
		return strconv.FormatFloat(math.Round(x), 'f', 0, 64)
	}
	return strconv.FormatFloat(x, 'g', 3, 64)
}

// A Setting is values of flags by name.
type Setting map[string]string

// In lists the setting as people read it, in the order of names.
func (s Setting) In(names []string) string {
	if len(s) == 0 {
		return "as given"
	}
	var parts []string
	for _, name := range names {
		if v, ok := s[name]; ok {
			parts = append(parts, name+" "+v)
		}
	}
	return strings.Join(parts, ", ")
}

// MaxSettings bounds a sweep.
const MaxSettings = 10_000

// Grid returns every combination of the axes' values, the last axis changing fastest.
func Grid(axes []Axis) ([]Setting, error) {
	all := []Setting{{}}
	for _, a := range axes {
		if a.Range != nil {
			return nil, fmt.Errorf("sweep: %s is a range from %g to %g, of which a grid can't try all; give --trials N to draw N settings at random", a.Name, a.Range.Low, a.Range.High)
		}
		if len(all)*len(a.Values) > MaxSettings {
			return nil, fmt.Errorf("sweep: the grid has more than %d settings; give --trials N to draw N of them at random", MaxSettings)
		}
		var next []Setting
		for _, s := range all {
			for _, v := range a.Values {
				next = append(next, s.With(a.Name, v))
			}
		}
		all = next
	}
	return all, nil
}

// Random returns n settings drawn at random, no two the same; fewer if there are fewer. The same seed gives the same
// settings, and the first of a larger n are those of a smaller one.
func Random(axes []Axis, n int, seed uint64) ([]Setting, error) {
	if n < 1 || n > MaxSettings {
		return nil, fmt.Errorf("sweep: trials is %d; expected 1 to %d", n, MaxSettings)
	}
	g := rand.New(rand.NewPCG(seed, 0x7377656570))
	var all []Setting
	seen := map[string]bool{}
	for misses := 0; len(all) < n && misses < 1000; {
		s := Setting{}
		for _, a := range axes {
			if a.Range != nil {
				s[a.Name] = a.Range.draw(g)
			} else {
				s[a.Name] = a.Values[g.IntN(len(a.Values))]
			}
		}
		if key := s.key(); !seen[key] {
			seen[key], misses = true, 0
			all = append(all, s)
		} else {
			misses++
		}
	}
	return all, nil
}

// With returns s with one more value.
func (s Setting) With(name, value string) Setting {
	t := Setting{}
	for k, v := range s {
		t[k] = v
	}
	t[name] = value
	return t
}

// key is the same for equal settings only.
func (s Setting) key() string {
	parts := make([]string, 0, len(s))
	for k, v := range s {
		parts = append(parts, fmt.Sprintf("%q=%q", k, v))
	}
	slices.Sort(parts)
	return strings.Join(parts, ",")
}
