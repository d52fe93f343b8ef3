package generate

import "slices"

// A span is n rows of the cache from row at on.
type span struct{ at, n int }

// spans hands out rows of the cache, first fit.
type spans struct {
	size int
	open []span // free ones, in order, with something taken between any two
}

func newSpans(size int) spans { return spans{size, []span{{0, size}}} }

// take returns n rows that nobody has, at least one.
func (s *spans) take(n int) (span, bool) {
	n = max(n, 1)
	for i, o := range s.open {
		if o.n < n {
			continue
		}
		s.open[i] = span{o.at + n, o.n - n}
		if o.n == n {
			s.open = slices.Delete(s.open, i, i+1)
		}
		return span{o.at, n}, true
	}
	return span{}, false
}

// free gives rows back.
func (s *spans) free(f span) {
	i := 0
	for i < len(s.open) && s.open[i].at < f.at {
		i++
	}
	s.open = slices.Insert(s.open, i, f)
	if i+1 < len(s.open) && f.at+f.n == s.open[i+1].at {
		s.open[i].n += s.open[i+1].n
		s.open = slices.Delete(s.open, i+1, i+2)
	}
	if i > 0 && s.open[i-1].at+s.open[i-1].n == f.at {
		s.open[i-1].n += s.open[i].n
		s.open = slices.Delete(s.open, i, i+1)
	}
}
