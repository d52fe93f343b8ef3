package browser

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

func TestMain(m *testing.M) {
	code := m.Run()
	Quit()
	os.Exit(code)
}

// An error of the console fails a test, but not that the server refused what the test sent.
func TestHear(t *testing.T) {
	for _, c := range []struct {
		m    chromedp.ConsoleMessage
		kept bool
	}{
		{chromedp.ConsoleMessage{Type: "log", Text: "a word"}, false},
		{chromedp.ConsoleMessage{Type: "warning", Text: "a warning"}, true},
		{chromedp.ConsoleMessage{Type: chromedp.ConsoleException, Text: "TypeError"}, true},
		{chromedp.ConsoleMessage{Type: "error", Source: "network", Text: "the server responded with a status of 413 (Too Large)"}, false},
		{chromedp.ConsoleMessage{Type: "error", Source: "network", Text: "the server responded with a status of 500 (Error)"}, true},
		{chromedp.ConsoleMessage{Type: "error", Source: "javascript", Text: "a status of 400"}, true},
	} {
		b := &Tab{T: t}
		if b.hear(c.m); len(b.said) > 0 != c.kept {
			t.Errorf("%+v: kept: %v", c.m, !c.kept)
		}
	}
}

// The checks of a page find what they are for, and nothing where all is well.
func TestChecksFind(t *testing.T) {
	good := strings.Repeat("<p>A text in black.</p>", 8) + `<main><label>Name <input style="border: 1px solid #555"></label></main>`
	for _, c := range []struct{ page, poor, nameless string }{
		{page: good},
		{page: good + `<p style="color: #999">too pale</p>`, poor: "too pale"},
		{page: good + `<p style="color: #888; font-size: 30px">large</p>`},
		{page: good + `<div style="background: #000"><p style="color: rgba(255, 255, 255, 0.3)">shines through</p></div>`, poor: "shines through"},
		{page: good + `<main><input aria-label="faint" style="border: 1px solid #ddd"></main>`, poor: "border of input"},
		{page: "<p>hardly a text</p>", poor: "only 1 texts"},
		{page: good + `<button style="background: #fff"></button>`, nameless: "<button"},
		{page: good + `<button aria-label="close"></button>`},
	} {
		mux := http.NewServeMux()
		mux.HandleFunc("/en.js", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "export default {};") })
		mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			fmt.Fprint(w, `<!doctype html><link rel="icon" href="data:,"><body>`+c.page)
		})
		s := httptest.NewServer(mux)
		t.Cleanup(s.Close)
		b := Open(t, s.URL, "en", 800, 600)
		for name, x := range map[string]struct{ check, want string }{"contrast": {contrasts, c.poor}, "names": {nameless, c.nameless}} {
			got := JS[[]string](b, x.check)
			if x.want == "" && len(got) > 0 || x.want != "" && (len(got) != 1 || !strings.Contains(got[0], x.want)) {
				t.Errorf("%s of %q: %q, expected %q", name, strings.TrimPrefix(c.page, good), got, x.want)
			}
		}
	}
}

// Tab leads from one control to the next, and the focus is seen where it has an outline.
func TestFocusIsSeen(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/en.js", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, `export default {"go": "Go"};`) })
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, `<!doctype html><link rel="icon" href="data:,"><style>:focus { outline: 3px solid #00f } .hidden:focus { outline: none }</style><button>Go</button><button class="hidden">Hidden</button>`)
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	b := Open(t, s.URL, "en", 800, 600)
	b.TabTo("BUTTON", b.Say("go"))
	b.Focused("BUTTON", "Go")
	if why := JS[string](b, unseen); why != "" {
		t.Errorf("an outline of 3 pixels %s", why)
	}
	b.Key("\t")
	b.Focused("BUTTON", "Hidden")
	if why := JS[string](b, unseen); why != "has no outline" {
		t.Errorf("what has no outline: %q", why)
	}
}
