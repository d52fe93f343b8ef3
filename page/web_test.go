package page

import (
	"encoding/json"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// read returns an embedded file.
func read(t *testing.T, name string) string {
	t.Helper()
	b, err := fs.ReadFile(web, path.Join("web", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// ours lists the embedded files that are not uPlot's.
func ours(t *testing.T) []string {
	t.Helper()
	var names []string
	err := fs.WalkDir(web, "web", func(p string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && !strings.Contains(p, "uplot/") {
			names = append(names, strings.TrimPrefix(p, "web/"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// texts reads the JSON object that a language's module exports.
func texts(t *testing.T, name string) map[string]string {
	t.Helper()
	_, object, ok := strings.Cut(read(t, name), "export default ")
	if !ok {
		t.Fatalf("%s exports nothing", name)
	}
	var m map[string]string
	if err := json.Unmarshal([]byte(strings.TrimSuffix(strings.TrimSpace(object), ";")), &m); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return m
}

var hole = regexp.MustCompile(`\{\w+\}`)

func holes(text string) []string {
	found := hole.FindAllString(text, -1)
	slices.Sort(found)
	return slices.Compact(found)
}

func TestLanguagesHaveTheSameTexts(t *testing.T) {
	en, zh := texts(t, "en.js"), texts(t, "zh.js")
	for key, text := range en {
		switch other, ok := zh[key]; {
		case !ok:
			t.Errorf("zh.js lacks %q", key)
		case strings.TrimSpace(text) == "" || strings.TrimSpace(other) == "":
			t.Errorf("%q is empty", key)
		case !slices.Equal(holes(text), holes(other)):
			t.Errorf("%q fills %v in English, %v in Chinese", key, holes(text), holes(other))
		}
	}
	for key := range zh {
		if _, ok := en[key]; !ok {
			t.Errorf("en.js lacks %q", key)
		}
	}
}

// Every key that a module names is there, and every text is used: by its key, or by a key made of a beginning that
// a module names.
func TestTextsAreUsed(t *testing.T) {
	en := texts(t, "en.js")
	key := regexp.MustCompile(`\bt\("([^"]+)"(\s*\+)?`)
	quoted := regexp.MustCompile(`"([a-z_0-9-]+(?:\.[a-z_0-9-]+)*\.?)"`)
	used, begun := map[string]bool{}, map[string]bool{}
	for _, name := range ours(t) {
		if path.Ext(name) != ".js" || name == "en.js" || name == "zh.js" {
			continue
		}
		text := read(t, name)
		for _, m := range key.FindAllStringSubmatch(text, -1) {
			if m[2] != "" {
				begun[m[1]] = true
			} else if _, ok := en[m[1]]; !ok && !strings.ContainsAny(m[1], "/ ") {
				if strings.Contains(m[1], ".") || en[m[1]] != "" {
					t.Errorf("%s: no text for %q", name, m[1])
				}
			}
		}
		for _, m := range quoted.FindAllStringSubmatch(text, -1) {
			used[m[1]] = true
		}
	}
	for k := range en {
		found := used[k]
		for b := range begun {
			found = found || strings.HasPrefix(k, b)
		}
		for u := range used { // "shape.classes" + ".about"
			found = found || strings.HasPrefix(k, u+".")
		}
		if !found {
			t.Errorf("nothing uses the text %q", k)
		}
	}
}

// No file asks for anything outside, runs text as code or makes markup of text.
func TestNothingFromOutside(t *testing.T) {
	address := regexp.MustCompile(`(?i)(https?:)?//[a-z0-9-]+\.[a-z0-9.-]+`)
	banned := []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "setTimeout(\"", "style=", "javascript:", "onclick=\""}
	for _, name := range ours(t) {
		text := strings.ReplaceAll(read(t, name), "http://www.w3.org/2000/svg", "") // a name, not an address
		if found := address.FindString(text); found != "" {
			t.Errorf("%s refers to %s", name, found)
		}
		for _, b := range banned {
			if strings.Contains(text, b) {
				t.Errorf("%s has %s", name, b)
			}
		}
		if strings.HasSuffix(name, ".html") && regexp.MustCompile(`(?s)<script[^>]*>[^<]`).MatchString(text) {
			t.Errorf("%s has a script inline", name)
		}
	}
	chart := read(t, "uplot/uPlot.iife.min.js")
	for _, b := range []string{"fetch(", "XMLHttpRequest", "import(", "eval("} {
		if strings.Contains(chart, b) {
			t.Errorf("uPlot has %s", b)
		}
	}
}

// Every module that is imported is there.
func TestModulesAreThere(t *testing.T) {
	names := slices.Values(ours(t))
	have := map[string]bool{}
	for n := range names {
		have[n] = true
	}
	imported := map[string]bool{"app.js": true, "theme.js": true}
	for n := range maps.Keys(have) {
		for _, m := range regexp.MustCompile(`from "\./([^"]+)"`).FindAllStringSubmatch(read(t, n), -1) {
			imported[m[1]] = true
			if !have[m[1]] {
				t.Errorf("%s imports %s, which is not there", n, m[1])
			}
		}
	}
	for n := range have {
		if path.Ext(n) == ".js" && !imported[n] {
			t.Errorf("nothing imports %s", n)
		}
	}
}
