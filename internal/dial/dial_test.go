package dial

import (
	"context"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestForbid(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go http.Serve(l, http.NotFoundHandler())
	Forbid()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	for _, host := range []string{"127.0.0.1", "localhost"} {
		c, err := Context(context.Background(), "tcp", net.JoinHostPort(host, port))
		if err != nil {
			t.Errorf("%s: %v", host, err)
			continue
		}
		c.Close()
	}
	for _, address := range []string{"192.0.2.1:443", "example.invalid:443", "[2001:db8::1]:80", "0.0.0.0:80", "127.0.0.1.example.invalid:80", "10.0.0.1:80", "169.254.169.254:80"} {
		if _, err := Context(context.Background(), "tcp", address); !errors.Is(err, ErrForbidden) {
			t.Errorf("%s: %v", address, err)
		}
	}
	if _, err := http.Get("http://192.0.2.1/"); !errors.Is(err, ErrForbidden) {
		t.Errorf("the default client: %v", err)
	}
	if _, err := net.LookupHost("example.invalid"); err == nil || !strings.Contains(err.Error(), ErrForbidden.Error()) {
		t.Errorf("the default resolver: %v", err)
	}
	if r, err := http.Get("http://" + l.Addr().String()); err != nil || r.StatusCode != 404 {
		t.Errorf("loopback by the default client: %v", err)
	}
}

// dials are the ways in which the standard library connects or asks name servers.
var dials = map[string][]string{
	"net":      {"Dial", "DialTimeout", "DialTCP", "DialUDP", "DialIP", "DialUnix", "Dialer", "Resolver", "DefaultResolver", "LookupHost", "LookupIP", "LookupAddr", "LookupCNAME", "LookupTXT", "LookupMX", "LookupNS", "LookupSRV", "ResolveTCPAddr", "ResolveUDPAddr", "ResolveIPAddr"},
	"net/http": {"Get", "Head", "Post", "PostForm", "Client", "DefaultClient", "DefaultTransport", "Transport"},
	"tls":      {"Dial", "DialWithDialer", "Dialer"},
}

// Nothing but this package connects, and package hub, whose transport is told to connect by it.
func TestNobodyElseDials(t *testing.T) {
	root := filepath.Join("..", "..")
	files := 0
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		// bench/ and internal/browser ask servers from outside, and are in no binary that users get.
		if e.IsDir() && (e.Name() == "testdata" || e.Name() == ".git" || path == filepath.Join(root, "internal", "dial") || path == filepath.Join(root, "bench") || path == filepath.Join(root, "internal", "browser")) {
			return filepath.SkipDir
		}
		if e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		files++
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, use := range uses(f) {
			if strings.HasPrefix(filepath.ToSlash(path), "../../hub/") && use == "net/http.Transport" {
				continue
			}
			t.Errorf("%s uses %s: connect by internal/dial", path, use)
		}
		return nil
	})
	if err != nil || files < 100 {
		t.Fatalf("%d files, %v", files, err)
	}
}

// uses lists the ways of connecting that a file mentions.
func uses(f *ast.File) (found []string) {
	packages := map[string]string{}
	for _, i := range f.Imports {
		path := strings.Trim(i.Path.Value, `"`)
		if dials[path] == nil && path != "crypto/tls" {
			continue
		}
		name := path[strings.LastIndexByte(path, '/')+1:]
		if i.Name != nil {
			name = i.Name.Name
		}
		packages[name] = strings.TrimPrefix(path, "crypto/")
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok && slices.Contains(dials[packages[x.Name]], s.Sel.Name) {
				found = append(found, packages[x.Name]+"."+s.Sel.Name)
			}
		}
		return true
	})
	return found
}
