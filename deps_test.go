package hone

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// order is the data flow: a package imports only packages that stand above it (ARCHITECTURE.md).
var order = []string{
	"internal/realdata", "internal/browser", "internal/spell", "internal/disk", "internal/tfevents", "internal/dial",
	"hub", "bundle", "dataset", "tokenizer", "chat",
	"collate", "compute", "compute/cpu", "nn",
	"safetensors", "internal/fixtures", "gguf", "model", "convert", "lora", "eval",
	"optim", "checkpoint", "train", "jobs", "generate", "export",
	"sweep", "internal/roofline", "", "starter", "page", "serve", "cmd/hone", "bench/load", "internal/fixtures/saved", "internal/fixtures/random",
}

// may lists the modules that each package may import beside the standard library; each has its reason in
// ARCHITECTURE.md. Tests may import more.
var may = map[string][]string{
	"internal/browser": {"github.com/chromedp/chromedp", "github.com/chromedp/cdproto"}, // only tests import it
	"internal/disk":    {"golang.org/x/sys"},
	"hub":              {"golang.org/x/sys"},
	"dataset":          {"github.com/parquet-go/parquet-go", "github.com/klauspost/compress", "github.com/goccy/go-yaml"},
	"bundle":           {"github.com/klauspost/compress"},
	"tokenizer":        {"golang.org/x/text", "github.com/dlclark/regexp2"},
	"compute/cpu":      {"golang.org/x/sys"},
	"train":            {"github.com/goccy/go-yaml"},
	"jobs":             {"golang.org/x/sys"},
	"cmd/hone":         {"github.com/alecthomas/kong", "github.com/goccy/go-yaml", "github.com/vbauerster/mpb", "github.com/guptarohit/asciigraph"},
}

func TestImportsFlowOneWay(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}}:{{join .Imports ","}}`, "./...").CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	const module = "github.com/hone-ml/hone"
	place := func(path string) int {
		return slices.Index(order, strings.TrimPrefix(strings.TrimPrefix(path, module), "/"))
	}
	for line := range strings.Lines(string(out)) {
		pkg, imports, _ := strings.Cut(strings.TrimSpace(line), ":")
		short := strings.TrimPrefix(strings.TrimPrefix(pkg, module), "/")
		if place(pkg) < 0 {
			t.Errorf("package %q has no place in the order", short)
		}
		for _, path := range strings.Split(imports, ",") {
			switch {
			case path == module || strings.HasPrefix(path, module+"/"):
				if place(path) >= place(pkg) {
					t.Errorf("%q imports %q, which stands below it", short, path)
				}
			case strings.Contains(strings.Split(path, "/")[0], "."):
				if !slices.ContainsFunc(may[short], func(m string) bool { return path == m || strings.HasPrefix(path, m+"/") }) {
					t.Errorf("%q imports %q, which it may not", short, path)
				}
			case path == "C":
				t.Errorf("%q uses cgo", short)
			}
		}
		if (short == "nn" || short == "model" || short == "train") && strings.Contains(imports, "compute/cpu") {
			t.Errorf("%q imports the device, which only the root chooses", short)
		}
	}
}
