package tokenizer

import (
	"encoding/json"
	"testing"
	"unicode/utf8"
)

// FuzzString: a string is what encoding/json reads, wherever that reads one.
func FuzzString(f *testing.F) {
	for _, s := range []string{`""`, `"a"`, `"\u0120the"`, `"\"\\\/\b\f\n\r\t"`, `"\ud83d\ude00!"`, `"\ud83d"`, `"\ud83d\ud83d\ude00"`, `"\ude00\u00e9"`, `"é\n漢"`, `"\ud83dx"`, `"\ud83d\n"`, `"a\u12"`, `"a\`, `"\x"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var want string
		valid := json.Unmarshal([]byte(s), &want) == nil && utf8.ValidString(s) && s[0] == '"'
		c := cursor{s: s}
		got, err := c.string()
		if valid && (err != nil || got != want) {
			t.Fatalf("%q is %q, %v; want %q", s, got, err, want)
		}
		skip := cursor{s: s}
		if valid && (!skip.skip() || skip.i != c.i) {
			t.Fatalf("%q ends at %d, skipped to %d", s, c.i, skip.i)
		}
	})
}
