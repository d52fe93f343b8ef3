package dataset

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// warn turns the findings into sentences.
func (r *Report) warn(o CheckOptions) {
	add := func(remedy, format string, args ...any) {
		r.Warnings = append(r.Warnings, Warning{fmt.Sprintf(format, args...), remedy})
	}
	for _, l := range r.Leaks {
		if l.Exact > 0 {
			add("remove them from one of the two, or the scores on "+l.To+" are too good",
				"%s: %s also in %s, the first at %s", l.To, rows(l.Exact, "row"), l.From, l.Example)
		}
		if l.Normalised > l.Exact {
			add("look at them: nearly equal texts in both make the scores too good",
				"%s: %s also in %s but for case, space or punctuation", l.To, rows(l.Normalised-l.Exact, "more row"), l.From)
		}
	}
	for i := range r.Splits {
		s := &r.Splits[i]
		if !sameFeatures(s, &r.Splits[0]) {
			add("give both the same columns", "%s: its columns are not those of %s", s.Name, r.Splits[0].Name)
		}
		r.warnSplit(s, add)
	}
	if len(r.Splits) == 1 && !o.HeldOut {
		add("hold some rows out: hone train --test_size 0.1 does", "there is only the split %s: nothing tells how good the model is on new data", r.Splits[0].Name)
	}
}

func (r *Report) warnSplit(s *SplitReport, add func(remedy, format string, args ...any)) {
	n := max(1, s.Rows)
	if s.Empty > 0 {
		add("remove them", "%s: %s without text", s.Name, rows(s.Empty, "row"))
	}
	if s.Truncated > 0 {
		add(fmt.Sprintf("raise the limit (%d would keep 99 %% whole) or split long texts", s.Lengths.P99),
			"%s: %s (%.1f %%) longer than %d %s will be cut", s.Name, rows(s.Truncated, "row"), 100*float64(s.Truncated)/float64(n), r.Limit, r.Unit)
	}
	if s.Duplicates > 0 {
		add("remove the repeats, unless their weight is meant", "%s: %s with the text of an earlier row", s.Name, rows(s.Duplicates, "row"))
	}
	if s.Conflicts > 0 {
		add("decide which label is right: no model can learn both", "%s: %s with different labels, such as %s", s.Name, rows(s.Conflicts, "text"), s.Conflict)
	}
	if s.Unlabelled {
		add("don't evaluate on it", "%s: no row has a label", s.Name)
	}
	if s.Sorted && s.Name == r.Splits[0].Name {
		add("shuffle before training (the trainer does unless told not to) and before taking the first rows as a sample",
			"%s: the rows are sorted by label", s.Name)
	}
	for _, o := range s.Omitted {
		add("nothing, unless the column is needed", "%s: a column was left out (%s)", s.Name, o)
	}
	r.warnBalance(s, add)
}

func (r *Report) warnBalance(s *SplitReport, add func(remedy, format string, args ...any)) {
	if len(s.Labels) == 0 {
		return
	}
	least, most := s.Labels[0], s.Labels[0]
	for _, l := range s.Labels {
		if l.Count == 0 {
			add("add examples, or drop the class", "%s: no row of class %q", s.Name, l.Name)
			continue
		}
		if least.Count == 0 || l.Count < least.Count {
			least = l
		}
		if l.Count > most.Count {
			most = l
		}
	}
	if least.Count > 0 && most.Count >= 10*least.Count {
		add("judge by F1 and the confusion matrix, not by accuracy; add rows of the rare class",
			"%s: class %q has %d rows, class %q only %d", s.Name, most.Name, most.Count, least.Name, least.Count)
	}
}

// rows writes a number with its noun.
func rows(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return thousands(n) + " " + noun + "s"
}

func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// String is the report as WriteTo writes it.
func (r *Report) String() string {
	var b strings.Builder
	r.WriteTo(&b)
	return b.String()
}

// WriteTo writes the report as plain text: a table of the splits, bar charts of the labels of each and of the
// lengths of the first, and the warnings.
func (r *Report) WriteTo(w io.Writer) (int64, error) {
	var b strings.Builder
	if r.Task.Why != "" {
		fmt.Fprintf(&b, "%s\n\n", r.Task.Why)
	}
	r.writeSplits(&b)
	for i := range r.Splits {
		s := &r.Splits[i]
		writeFeatures(&b, s, i == 0 || !sameFeatures(s, &r.Splits[0]))
		writeLabels(&b, s)
		if i == 0 {
			r.writeLengths(&b, s)
		}
	}
	if len(r.Warnings) == 0 {
		b.WriteString("\nno warnings\n")
	}
	for _, x := range r.Warnings {
		fmt.Fprintf(&b, "\nwarning: %s\n  remedy: %s\n", x.Text, x.Remedy)
	}
	n, err := io.WriteString(w, b.String())
	return int64(n), err
}

func (r *Report) writeSplits(b *strings.Builder) {
	head := []string{"split", "rows", "mean", "p50", "p95", "p99", "longest", "cut", "empty", "repeated", "conflicts"}
	table := [][]string{head}
	for _, s := range r.Splits {
		l := s.Lengths
		table = append(table, []string{s.Name, thousands(s.Rows), fmt.Sprintf("%.1f", l.Mean), thousands(l.P50), thousands(l.P95), thousands(l.P99),
			thousands(l.Max), thousands(s.Truncated), thousands(s.Empty), thousands(s.Duplicates), thousands(s.Conflicts)})
	}
	width := make([]int, len(head))
	for _, line := range table {
		for i, cell := range line {
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	for _, line := range table {
		for i, cell := range line {
			pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell))
			if i == 0 {
				b.WriteString(cell + pad)
			} else {
				b.WriteString("  " + pad + cell)
			}
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(b, "lengths in %s", r.Unit)
	if r.Limit > 0 {
		fmt.Fprintf(b, ", cut above %d", r.Limit)
	}
	b.WriteByte('\n')
}

func sameFeatures(a, b *SplitReport) bool {
	if len(a.Features) != len(b.Features) {
		return false
	}
	for i := range a.Features {
		if a.Features[i].Name != b.Features[i].Name || a.Features[i].Type != b.Features[i].Type {
			return false
		}
	}
	return true
}

func writeFeatures(b *strings.Builder, s *SplitReport, show bool) {
	if !show {
		return
	}
	parts := make([]string, len(s.Features))
	for i, f := range s.Features {
		parts[i] = f.Name + " " + f.Type.String()
	}
	fmt.Fprintf(b, "\n%s: columns %s\n", s.Name, strings.Join(parts, ", "))
}

func writeLabels(b *strings.Builder, s *SplitReport) {
	if len(s.Labels) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s: labels\n", s.Name)
	most, wide := 0, 0
	for _, l := range s.Labels {
		most, wide = max(most, l.Count), max(wide, min(30, utf8.RuneCountInString(l.Name)))
	}
	for i, l := range s.Labels {
		if i == 20 {
			fmt.Fprintf(b, "  and %d more\n", len(s.Labels)-i)
			break
		}
		name := clip(l.Name, 30)
		pad := strings.Repeat(" ", max(0, wide-utf8.RuneCountInString(name)))
		fmt.Fprintf(b, "  %s%s %9s %5.1f %% %s\n", name, pad, thousands(l.Count), 100*l.Share, bar(l.Count, most))
	}
}

func (r *Report) writeLengths(b *strings.Builder, s *SplitReport) {
	if len(s.Lengths.Histogram) < 2 {
		return
	}
	fmt.Fprintf(b, "\n%s: lengths in %s\n", s.Name, r.Unit)
	most := 0
	for _, h := range s.Lengths.Histogram {
		most = max(most, h.Count)
	}
	for _, h := range s.Lengths.Histogram {
		span := fmt.Sprintf("%d-%d", h.From, h.To-1)
		if h.To == 0 {
			span = fmt.Sprintf("%d and more", h.From)
		}
		fmt.Fprintf(b, "  %-14s %9s %s\n", span, thousands(h.Count), bar(h.Count, most))
	}
}

// bar draws n out of most with up to 40 marks; what is not zero has at least one.
func bar(n, most int) string {
	const full = 40
	if n == 0 || most == 0 {
		return ""
	}
	return strings.Repeat("#", max(1, (n*full+most/2)/most))
}
