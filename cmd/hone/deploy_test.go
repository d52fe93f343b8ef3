package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	gopath "path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/goccy/go-yaml"
)

func deployFile(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "deploy", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// parses checks a command line of the files in deploy against the flags that there are.
func parses(t *testing.T, args []string) {
	t.Helper()
	parser, err := kong.New(&commands{}, kong.Name("hone"), kong.FlagNamer(snakeCase), kong.Configuration(loadYAML), kong.Exit(func(int) {}))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range parser.Model.Children {
		if c.Name == "serve" {
			if _, err := parser.Parse(normalize(args, negatable(parser.Model))); err != nil {
				t.Errorf("hone %v: %v", args, err)
			}
			return
		}
	}
	t.Log("there is no hone serve in this build")
}

func TestDeployKubernetes(t *testing.T) {
	type probe struct {
		HTTPGet struct{ Path, Port string } `yaml:"httpGet"`
	}
	type object struct {
		APIVersion string `yaml:"apiVersion"`
		Kind       string
		Metadata   struct{ Name string }
		Spec       struct {
			Template struct {
				Spec struct {
					SecurityContext struct {
						RunAsNonRoot bool `yaml:"runAsNonRoot"`
					} `yaml:"securityContext"`
					Containers []struct {
						Args []string
						Env  []struct {
							Name      string
							ValueFrom struct {
								SecretKeyRef struct{ Name, Key string } `yaml:"secretKeyRef"`
							} `yaml:"valueFrom"`
						}
						Startup         probe `yaml:"startupProbe"`
						Live            probe `yaml:"livenessProbe"`
						Ready           probe `yaml:"readinessProbe"`
						Resources       struct{ Requests, Limits map[string]string }
						SecurityContext struct {
							Escalation   *bool `yaml:"allowPrivilegeEscalation"`
							ReadOnly     bool  `yaml:"readOnlyRootFilesystem"`
							Capabilities struct{ Drop []string }
						} `yaml:"securityContext"`
					}
				}
			}
		}
	}
	d := yaml.NewDecoder(bytes.NewReader([]byte(deployFile(t, "kubernetes.yaml"))))
	kinds := map[string]bool{}
	for {
		var o object
		err := d.Decode(&o)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if kinds[o.Kind] = true; o.APIVersion == "" || o.Metadata.Name == "" {
			t.Errorf("%+v", o)
		}
		if o.Kind != "Deployment" {
			continue
		}
		if !o.Spec.Template.Spec.SecurityContext.RunAsNonRoot || len(o.Spec.Template.Spec.Containers) != 1 {
			t.Fatalf("%+v", o.Spec.Template.Spec)
		}
		c := o.Spec.Template.Spec.Containers[0]
		if c.Live.HTTPGet.Path != "/healthz" || c.Startup.HTTPGet.Path != "/healthz" || c.Ready.HTTPGet.Path != "/readyz" || c.Live.HTTPGet.Port != "http" {
			t.Errorf("probes %+v %+v %+v", c.Startup, c.Live, c.Ready)
		}
		s := c.SecurityContext
		if s.Escalation == nil || *s.Escalation || !s.ReadOnly || len(s.Capabilities.Drop) != 1 || c.Resources.Limits["memory"] == "" || c.Resources.Requests["cpu"] == "" {
			t.Errorf("%+v %+v", s, c.Resources)
		}
		if e := c.Env[0]; e.Name != "HONE_API_KEY" || e.ValueFrom.SecretKeyRef.Key == "" {
			t.Errorf("%+v", c.Env)
		}
		parses(t, c.Args)
	}
	for _, kind := range []string{"Deployment", "Service", "PersistentVolumeClaim", "NetworkPolicy"} {
		if !kinds[kind] {
			t.Errorf("there is no %s", kind)
		}
	}
}

func TestDeploySystemd(t *testing.T) {
	unit := deployFile(t, "hone.service")
	for _, want := range []string{"DynamicUser=yes", "ProtectSystem=strict", "NoNewPrivileges=yes", "CapabilityBoundingSet=\n", "IPAddressDeny=any", "SystemCallFilter=@system-service"} {
		if !strings.Contains(unit, want) {
			t.Errorf("there is no %s", want)
		}
	}
	start := regexp.MustCompile(`(?m)^ExecStart=/usr/local/bin/hone (.*)$`).FindStringSubmatch(unit)
	if start == nil {
		t.Fatal("there is no ExecStart of hone")
	}
	parses(t, strings.Fields(start[1]))
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("there is no systemd-analyze")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "hone.service")
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(unit, "/usr/local/bin/hone ", self+" ")), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(analyze, "verify", "--man=no", path).CombinedOutput()
	if strings.Contains(string(out), "hone.service") {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
}

func TestDeployDockerfile(t *testing.T) {
	file := deployFile(t, "Dockerfile")
	_, last, ok := strings.Cut(file, "\nFROM scratch\n")
	if !ok || strings.Contains(last, "\nFROM ") {
		t.Fatal("the last stage is not empty")
	}
	for _, want := range []string{"USER 65532:65532\n", `ENTRYPOINT ["/hone"]`, "ca-certificates.crt"} {
		if !strings.Contains(last, want) {
			t.Errorf("there is no %s", want)
		}
	}
	if !strings.Contains(file, "CGO_ENABLED=0 go build") || strings.Contains(last, "RUN") || strings.Contains(file, "ADD ") {
		t.Error("the binary has to be static, and the empty image can run nothing else")
	}
	source, err := os.ReadFile(filepath.Join("..", "..", "hone.go"))
	if err != nil || !strings.Contains(file, "-X github.com/hone-ml/hone.version=$VERSION") || !bytes.Contains(source, []byte("\nvar version string\n")) {
		t.Errorf("the binary isn't told its version: %v", err)
	}
	run := regexp.MustCompile(`(?m)^#   docker run .* hone (serve .*)$`).FindStringSubmatch(file)
	if run == nil {
		t.Fatal("there is no example of docker run")
	}
	parses(t, strings.Fields(run[1]))
}

// ignored reports whether .dockerignore leaves a path out, by Docker's rules for the patterns that stand in it: the last one that
// matches the path or a folder above it decides.
func ignored(t *testing.T, patterns, path string) (out bool) {
	t.Helper()
	for line := range strings.Lines(patterns) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		pattern, back := strings.CutPrefix(line, "!")
		rest, deep := strings.CutPrefix(pattern, "**/")
		if strings.Contains(rest, "**") {
			t.Fatalf("this test doesn't know %q", line)
		}
		parts := strings.Split(path, "/")
		for to := range parts {
			for from := range to + 1 {
				if ok, err := gopath.Match(rest, strings.Join(parts[from:to+1], "/")); err != nil {
					t.Fatalf("%q: %v", line, err)
				} else if ok && (deep || from == 0) {
					out = !back
				}
			}
		}
	}
	return out
}

// A builder gets what the program is built from, but no model, no data and no history.
func TestDockerIgnore(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("..", "..", ".dockerignore"))
	if err != nil {
		t.Fatal(err)
	}
	patterns := string(b)
	for _, path := range []string{".git/config", "hone", "out/config.json", "my-first-model/model.safetensors", "tickets/checkpoint-20/optimizer.safetensors",
		"smol-q8_0.gguf", "models/gpt2/pytorch_model.bin", "tickets.jsonl", "data/train.csv", "kit.tar.zst", "internal/fixtures/testdata/gpt2/config.json"} {
		if !ignored(t, patterns, path) {
			t.Errorf("%s is sent to the builder", path)
		}
	}
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	list := exec.Command("go", "list", "-deps", "-f", `{{if .Module}}{{if .Module.Main}}{{$d := .Dir}}{{range .GoFiles}}{{$d}}/{{.}}
{{end}}{{range .SFiles}}{{$d}}/{{.}}
{{end}}{{range .HFiles}}{{$d}}/{{.}}
{{end}}{{range .EmbedFiles}}{{$d}}/{{.}}
{{end}}{{end}}{{end}}`, ".")
	files, err := list.Output()
	if err != nil {
		t.Skipf("go list: %v", err)
	}
	n := 0
	for file := range strings.Lines(string(files)) {
		if file = strings.TrimSpace(file); file == "" {
			continue
		}
		path, err := filepath.Rel(root, filepath.FromSlash(file))
		if err != nil {
			t.Fatal(err)
		}
		if n++; ignored(t, patterns, filepath.ToSlash(path)) {
			t.Errorf("%s is needed, but not sent to the builder", path)
		}
	}
	if n < 200 || ignored(t, patterns, "go.mod") || ignored(t, patterns, "go.sum") {
		t.Errorf("of the %d files that are needed, not all are sent", n)
	}
}
