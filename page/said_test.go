package page

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// said lists what the source writes into the log of a job, {} where something is filled in: notes, messages and failures
// of package jobs, what package dataset says of a data set, what a job says while it is prepared, and the trainer's warnings.
func said(t *testing.T) (all []string) {
	t.Helper()
	files := []string{"../dataset/report.go", "../dataset/task.go", "../prepare.go", "../finetune.go", "../preference.go", "../train/save.go", "../train/step.go", "../train/train.go"}
	entries, err := os.ReadDir("../jobs")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".go") && !strings.HasSuffix(e.Name(), "_test.go") {
			files = append(files, "../jobs/"+e.Name())
		}
	}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				switch {
				case called(n) == "note" && len(n.Args) > 2:
					all = append(all, text(n.Args[2]))
				case called(n) == "Say" && len(n.Args) > 0:
					all = append(all, text(n.Args[0]))
				case called(n) == "warn" && len(n.Args) == 1:
					all = append(all, text(n.Args[0]))
				case called(n) == "add" && len(n.Args) > 2: // of a report: remedy, text
					all = append(all, text(n.Args[1])+": "+text(n.Args[0]))
				}
			case *ast.KeyValueExpr:
				if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Message" {
					all = append(all, text(n.Value))
				}
			case *ast.AssignStmt:
				if to, ok := n.Lhs[0].(*ast.SelectorExpr); ok && to.Sel.Name == "Why" {
					all = append(all, text(n.Rhs[0]))
				}
			}
			return true
		})
	}
	return all
}

// called is the name of the function that is called.
func called(c *ast.CallExpr) string {
	switch f := c.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}

var verb = regexp.MustCompile(`%(\[\d\])?[.\d]*[a-z]`)

// text is what an expression says, with {} for what only a running program knows.
func text(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		s, _ := strconv.Unquote(e.Value)
		s = verb.ReplaceAllStringFunc(s, func(v string) string {
			if strings.HasSuffix(v, "q") {
				return `"{}"`
			}
			return "{}"
		})
		return strings.TrimSpace(strings.ReplaceAll(s, "%%", "%"))
	case *ast.BinaryExpr:
		return text(e.X) + " " + text(e.Y)
	case *ast.CallExpr:
		if called(e) == "Sprintf" {
			return text(e.Args[0])
		}
	}
	return "{}"
}

// Every sentence that a server writes into a log has its text in both languages, and none is there that it doesn't write.
// Words that fill a hole, such as "by their names", are looked for in the source as they are.
func TestServerIsTranslated(t *testing.T) {
	var words strings.Builder
	for _, name := range []string{"../dataset/task.go", "../dataset/label.go"} {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		words.Write(b)
	}
	have := map[string]bool{}
	for key, text := range texts(t, "en.js") {
		if strings.HasPrefix(key, "said.") {
			have[hole.ReplaceAllString(text, "{}")] = true
		}
	}
	all := said(t)
	if len(all) < 40 {
		t.Errorf("only %d sentences were found", len(all))
	}
	for _, s := range all {
		if !have[s] && regexp.MustCompile("[a-z]").MatchString(s) {
			t.Errorf("no text under \"said\" for %q", s)
		}
	}
	for s := range have {
		if !slices.Contains(all, s) && !strings.Contains(words.String(), strconv.Quote(s)) {
			t.Errorf("no server says %q", s)
		}
	}
}

// Every sentence that the page has for an error is one of the program's, so that none is left when the program says it otherwise.
func TestErrorsAreTheServers(t *testing.T) {
	quotes := regexp.MustCompile(`["\[]?\{\}["\]]?`)
	plain := func(s string) string { return quotes.ReplaceAllString(s, "{}") } // %q writes lists and characters otherwise than strings
	any := regexp.MustCompile(`%(\[\d\])?[.\d]*[a-zA-Z]`)
	program := regexp.MustCompile(`^[a-z]+: `)
	place := regexp.MustCompile(`^\{\}(:\{\})?: `)
	have := map[string]bool{}
	for _, dir := range []string{"..", "../cmd/hone", "../collate", "../dataset", "../hub", "../internal/disk", "../jobs", ".", "../serve", "../train"} {
		names, err := filepath.Glob(dir + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(f, func(n ast.Node) bool {
				if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
					s, _ := strconv.Unquote(lit.Value)
					s = plain(any.ReplaceAllString(s, "{}"))
					rest := program.ReplaceAllString(s, "")
					have[s], have[rest], have[place.ReplaceAllString(rest, "")] = true, true, true
				}
				return true
			})
		}
	}
	n := 0
	for key, text := range texts(t, "en.js") {
		if !strings.HasPrefix(key, "error.") {
			continue
		}
		n++
		text = plain(hole.ReplaceAllString(text, "{}"))
		if !have[text] {
			t.Errorf("%s: nothing in the program says %q", key, text)
		}
	}
	if n < 50 {
		t.Errorf("only %d sentences were found", n)
	}
}
