package spell

import "testing"

func TestNearest(t *testing.T) {
	words := []string{"linear", "cosine", "cosine_with_restarts", "constant", "constant_with_warmup", "train", "test"}
	for word, want := range map[string]string{
		"cosin": "cosine", "cosine": "cosine", "liner": "linear", "": "", "xyz": "", "constant_wi": "constant_with_warmup",
		"tset": "test", "tran": "train", "completely": "",
	} {
		if got := Nearest(word, words); got != want {
			t.Errorf("%q: %q, expected %q", word, got, want)
		}
	}
	if got := Hint("tran", words); got != `; did you mean "train"?` {
		t.Error(got)
	}
}
