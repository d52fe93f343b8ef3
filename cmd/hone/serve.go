package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/hone-ml/hone"
	"github.com/hone-ml/hone/collate"
	"github.com/hone-ml/hone/hub"
	"github.com/hone-ml/hone/serve"
)

type serveCommand struct {
	Model []string `help:"A folder that hone train left, an adapter, or a name on the Hub; NAME=DIR serves it under another name. May be given several times; adapters share their base model's memory." sep:"none" placeholder:"[NAME=]DIR"`
	Host  string   `help:"Address to listen on. 127.0.0.1, which only this machine reaches, if not given; others need --api_key." default:"127.0.0.1" placeholder:"ADDRESS"`
	Port  int      `help:"Port to listen on, 8080 if not given; 0 means any that is free." default:"8080" placeholder:"N"`

	ApiKey      string   `env:"HONE_API_KEY" help:"Clients have to send it as a Bearer token. The environment is the better place for it: others see command lines." placeholder:"KEY"`
	TlsCert     string   `help:"Certificate, a PEM file: HTTPS instead of HTTP." placeholder:"FILE"`
	TlsKey      string   `help:"Its key, a PEM file." placeholder:"FILE"`
	AllowOrigin []string `help:"Let pages of this origin use the server from a browser (CORS); may be given several times." sep:"none" placeholder:"ORIGIN"`

	CacheMib    int64         `help:"Memory for keys and values of the texts in work, for each base model; 1024 if not given." default:"1024" placeholder:"MIB"`
	MaxRequests int           `help:"Requests in work or waiting; more are answered with 429; 256 if not given." default:"256" placeholder:"N"`
	MaxTokens   int           `help:"Where an answer ends if the request doesn't say; 1024 if not given." default:"1024" placeholder:"N"`
	Timeout     time.Duration `help:"Longest time for one request; 10m if not given." default:"10m" placeholder:"TIME"`
	dtypeFlag
	jobsFlags
}

// Validate is called by kong.
func (c serveCommand) Validate() error {
	if (c.TlsCert == "") != (c.TlsKey == "") {
		return errors.New("--tls_cert and --tls_key belong together")
	}
	for name, v := range map[string]int64{"cache_mib": c.CacheMib, "max_requests": int64(c.MaxRequests), "max_tokens": int64(c.MaxTokens), "timeout": int64(c.Timeout)} {
		if v < 1 {
			return fmt.Errorf("--%s must be positive", name)
		}
	}
	if c.Port < 0 || c.Port > 65535 {
		return fmt.Errorf("--port %d is none: ports go from 0, any that is free, to 65535", c.Port)
	}
	return nil
}

func (c serveCommand) Run(a *app) error {
	config := serve.Config{Device: c.device(a), Dtype: c.Dtype, APIKey: c.ApiKey, AllowOrigins: c.AllowOrigin,
		CacheBytes: c.CacheMib << 20, MaxRequests: c.MaxRequests, MaxTokens: c.MaxTokens, Timeout: c.Timeout}
	if !a.flags.Quiet {
		config.Log = slog.New(slog.NewTextHandler(a.stderr, nil))
	}
	if c.TlsCert != "" {
		pair, err := tls.LoadX509KeyPair(c.TlsCert, c.TlsKey)
		if err != nil {
			return fmt.Errorf("--tls_cert and --tls_key: %w", err)
		}
		config.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	}
	if len(c.Model) == 0 && c.JobsDir == "none" {
		return errors.New("hone: nothing to serve: give --model DIR, or leave out --jobs_dir none to train one in the browser")
	}
	s, err := serve.New(config)
	if err != nil {
		return err
	}
	defer s.Close()
	l, err := s.Listen(net.JoinHostPort(c.Host, strconv.Itoa(c.Port)))
	if errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, wsaEADDRINUSE) {
		return fmt.Errorf("%w: another program has the port, perhaps another hone serve; choose one with --port, or --port 0 for any", err)
	}
	if err != nil {
		return err
	}
	defer l.Close()
	served, err := c.load(a, s)
	if err != nil {
		return err
	}
	m, endJobs, err := c.mountJobs(a, s, served)
	if err != nil {
		return err
	}
	if err := c.mountPage(a, s, m); err != nil {
		return errors.Join(err, endJobs())
	}
	scheme := "http"
	if config.TLS != nil {
		scheme = "https"
	}
	url := fmt.Sprintf("%s://%s", scheme, l.Addr())
	a.say("Serving at %s/v1 (OpenAI) and %[1]s (Ollama, and a page for browsers); end with Ctrl-C.", url)
	c.teach(a, s, url)
	err = s.Serve(a.ctx, l)
	return errors.Join(err, endJobs())
}

// wsaEADDRINUSE is what Windows says of a port that is taken.
const wsaEADDRINUSE = syscall.Errno(10048)

// teach says what there is, and what to do with it first.
func (c serveCommand) teach(a *app, s *serve.Server, url string) {
	dirs := s.Models()
	names := slices.Sorted(maps.Keys(dirs))
	switch n := len(names); {
	case n == 0:
		a.say("No model is served yet. Open %s in a browser to train one, or start with --model DIR.", url)
		return
	case n > 8:
		a.say("Models: %s and %d more; GET /v1/models lists all.", strings.Join(names[:8], ", "), n-8)
	default:
		a.say("Models: %s.", strings.Join(names, ", "))
	}
	key := ""
	if c.ApiKey != "" {
		key = " -H \"Authorization: Bearer $HONE_API_KEY\""
	}
	route, ask := "completions", `"prompt": "Once", "max_tokens": 20`
	if _, err := collate.Labels(dirs[names[0]]); err == nil {
		route, ask = "classify", `"input": "a text of your own"`
	}
	a.say("Try: curl %s/v1/%s%s -d '{\"model\": \"%s\", %s}'", url, route, key, names[0], ask)
}

// load adds the models and returns their folders by name.
func (c serveCommand) load(a *app, s *serve.Server) (map[string]string, error) {
	h, screen, err := a.hub()
	if err != nil {
		return nil, err
	}
	defer screen.close()
	served := map[string]string{}
	for _, m := range c.Model {
		name, dir, err := namedModel(a, h, m)
		if err != nil {
			return nil, err
		}
		if err := s.Add(a.ctx, name, dir); err != nil {
			return nil, err
		}
		if served[name], err = filepath.Abs(dir); err != nil {
			return nil, err
		}
	}
	return served, nil
}

// namedModel reads NAME=DIR or DIR, whose name is that of the folder or the one on the Hub.
func namedModel(a *app, h *hub.Client, arg string) (name, dir string, err error) {
	if _, err := os.Stat(arg); err != nil {
		var ok bool
		if name, dir, ok = strings.Cut(arg, "="); !ok {
			name, dir = "", arg
		}
	} else {
		dir = arg
	}
	folder, err := hone.ModelDir(a.ctx, h, dir, "")
	if err != nil || name != "" {
		return name, folder, err
	}
	if name = dir; filepath.Clean(folder) == filepath.Clean(dir) || strings.HasPrefix(dir, "~") {
		abs, err := filepath.Abs(folder)
		if err != nil {
			return "", "", err
		}
		name = filepath.Base(abs)
	}
	return name, folder, nil
}
