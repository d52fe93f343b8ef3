// Package spell finds the word that was meant.
package spell

import "strings"

// Nearest returns the one of words that takes the fewest edits, at most two, to become word, or that word begins; "" if
// none is near.
func Nearest(word string, words []string) string {
	best, least := "", 3
	for _, w := range words {
		if d := edits(word, w); d < least || d == least && d < 3 && len(w) < len(best) {
			best, least = w, d
		}
	}
	for _, w := range words {
		if best == "" && len(word) > 2 && strings.HasPrefix(w, word) {
			best = w
		}
	}
	return best
}

// Hint returns "; did you mean "…"?" with the nearest word, or "" if none is near.
func Hint(word string, words []string) string {
	if w := Nearest(word, words); w != "" {
		return `; did you mean "` + w + `"?`
	}
	return ""
}

// edits returns the Levenshtein distance of a and b.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			d := diagonal
			if a[i] != b[j] {
				d = 1 + min(d, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], d
		}
	}
	return row[len(b)]
}
