package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts runs testdata/script. Every script works in a copy of testdata/work, where tok is a tokenizer and
// base a tiny model with random weights, and sees a Hub on loopback (fakehub_test.go). Its commands besides
// testscript's own:
//
//	hone ARG…        the command under test
//	fails CODE ARG…  the same, which must exit with CODE
//	json             every line of stdout must be one JSON value, and there must be one
//	get PATH WANT    the value at the path (a.0.b) of stdout's only JSON value must print as WANT
//	same FILE FILE   both files must have the same bytes
func TestScripts(t *testing.T) {
	hub := newFakeHub(t)
	testscript.Run(t, testscript.Params{
		Dir:                "testdata/script",
		Setup:              hub.setup,
		RequireUniqueNames: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"hone":  runHone,
			"fails": fails,
			"json":  isJSON,
			"get":   get,
			"same":  same,
		},
	})
}

// setup prepares a script's folder and environment.
func (h *fakeHub) setup(e *testscript.Env) error {
	for _, v := range [][2]string{{"HF_ENDPOINT", h.URL}, {"HF_HOME", filepath.Join(e.WorkDir, "hf")}, {asHone, "1"}, {"HF_TOKEN", ""}, {"HF_HUB_OFFLINE", ""}, {"NO_PROXY", "*"}} {
		e.Setenv(v[0], v[1])
	}
	return workFolder(e.WorkDir)
}

func runHone(ts *testscript.TestScript, neg bool, args []string) {
	self, err := os.Executable()
	ts.Check(err)
	if err := ts.Exec(self, args...); (err == nil) == neg {
		ts.Fatalf("hone %q: %v", args, err)
	}
}

func fails(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: fails CODE ARG…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	self, err := os.Executable()
	ts.Check(err)
	err = ts.Exec(self, args[1:]...)
	var exit *exec.ExitError
	switch {
	case err == nil:
		ts.Fatalf("exit code 0, expected %d", want)
	case !errors.As(err, &exit):
		ts.Fatalf("%v", err)
	case exit.ExitCode() != want:
		ts.Fatalf("exit code %d, expected %d", exit.ExitCode(), want)
	}
}

func isJSON(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: json")
	}
	out := ts.ReadFile("stdout")
	if out == "" {
		ts.Fatalf("stdout is empty")
	}
	for line := range strings.Lines(out) {
		if !json.Valid([]byte(line)) {
			ts.Fatalf("stdout has a line that is no JSON: %q", line)
		}
	}
}

func get(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: get PATH WANT")
	}
	var v any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &v))
	for key := range strings.SplitSeq(args[0], ".") {
		switch at := v.(type) {
		case map[string]any:
			v = at[key]
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i >= len(at) {
				ts.Fatalf("no %q in a list of %d", key, len(at))
			}
			v = at[i]
		default:
			ts.Fatalf("no %q in %v", key, v)
		}
	}
	if got := fmt.Sprint(v); (got == args[1]) == neg {
		ts.Fatalf("%s is %s", args[0], got)
	}
}

func same(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: same FILE FILE")
	}
	if (ts.ReadFile(args[0]) == ts.ReadFile(args[1])) == neg {
		ts.Fatalf("%s and %s: same is %v", args[0], args[1], neg)
	}
}
