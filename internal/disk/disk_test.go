package disk

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func writeString(s string) func(io.Writer) error {
	return func(w io.Writer) error { _, err := io.WriteString(w, s); return err }
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// names lists dir, so that tests see leftovers.
func names(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var s []string
	for _, e := range entries {
		s = append(s, e.Name())
	}
	return strings.Join(s, " ")
}

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.json")
	for _, s := range []string{"old", "", "new and longer"} {
		if err := WriteFile(path, writeString(s)); err != nil {
			t.Fatal(err)
		}
		if got := read(t, path); got != s {
			t.Fatalf("got %q, want %q", got, s)
		}
	}
	boom := errors.New("boom")
	err := WriteFile(path, func(w io.Writer) error { io.WriteString(w, strings.Repeat("x", 1<<20)); return boom })
	if !errors.Is(err, boom) || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v", err)
	}
	func() {
		defer func() { recover() }()
		WriteFile(path, func(io.Writer) error { panic("x") })
	}()
	if got := read(t, path); got != "new and longer" {
		t.Errorf("after an error: %q", got)
	}
	if got := names(t, dir); got != "a.json" {
		t.Errorf("left behind: %s", got)
	}
	if err := WriteFile(dir, writeString("x")); err == nil || !strings.Contains(err.Error(), "folder") {
		t.Errorf("writing over a folder: %v", err)
	}
	if err := WriteFile(filepath.Join(dir, "no", "a"), writeString("x")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing parent: %v", err)
	}
}

func TestWriteFileKeepsMode(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no permission bits")
	}
	path := filepath.Join(t.TempDir(), "a")
	if err := WriteFile(path, writeString("1")); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []os.FileMode{0o600, 0o666, 0o440} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if err := WriteFile(path, writeString("2")); err != nil {
			t.Fatal(err)
		}
		if st, _ := os.Stat(path); st.Mode() != mode {
			t.Errorf("mode %v, want %v", st.Mode(), mode)
		}
	}
}

func TestWriteFileReplacesLink(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "blob"), filepath.Join(dir, "link")
	if err := WriteFile(target, writeString("blob")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("blob", link); err != nil {
		t.Skip(err)
	}
	if err := WriteFile(link, writeString("new")); err != nil {
		t.Fatal(err)
	}
	a, _ := os.Lstat(target)
	b, _ := os.Lstat(link)
	if read(t, target) != "blob" || read(t, link) != "new" || a.Mode() != b.Mode() {
		t.Errorf("target %q %v, link %q %v", read(t, target), a.Mode(), read(t, link), b.Mode())
	}
}

// fill returns a WriteDir function that writes files of one generation, one of them in a folder.
func fill(gen string) func(string) error {
	return func(tmp string) error {
		if err := os.Mkdir(filepath.Join(tmp, "sub"), 0o777); err != nil {
			return err
		}
		for _, name := range []string{"a", "sub/b", "c"} {
			if err := os.WriteFile(filepath.Join(tmp, name), []byte(gen), 0o666); err != nil {
				return err
			}
		}
		return nil
	}
}

// generation returns what fill wrote to dir, and fails if files disagree or are missing.
func generation(t *testing.T, dir string) string {
	t.Helper()
	a := read(t, filepath.Join(dir, "a"))
	if b, c := read(t, filepath.Join(dir, "sub/b")), read(t, filepath.Join(dir, "c")); a != b || a != c || a == "" {
		t.Fatalf("a half-written folder: %q %q %q", a, b, c)
	}
	return a
}

func TestWriteDir(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "checkpoint-5")
	for _, gen := range []string{"1", "2"} {
		if err := WriteDir(path, fill(gen)); err != nil {
			t.Fatal(err)
		}
		if got := generation(t, path); got != gen {
			t.Fatalf("generation %s, want %s", got, gen)
		}
	}
	boom := errors.New("boom")
	if err := WriteDir(path, func(tmp string) error { return errors.Join(fill("3")(tmp), boom) }); !errors.Is(err, boom) {
		t.Error(err)
	}
	if got := generation(t, path); got != "2" {
		t.Errorf("after an error: generation %s", got)
	}
	if got := names(t, dir); got != "checkpoint-5" {
		t.Errorf("left behind: %s", got)
	}
	file := filepath.Join(path, "a")
	if err := WriteDir(file, fill("4")); err == nil || !strings.Contains(err.Error(), "is a file") {
		t.Errorf("writing over a file: %v", err)
	}
}

func TestReplaceByRename(t *testing.T) {
	dir := t.TempDir()
	path, tmp := filepath.Join(dir, "d"), filepath.Join(dir, "d.tmp-0123456789abcdef")
	for p, gen := range map[string]string{path: "1", tmp: "2"} {
		if err := errors.Join(os.Mkdir(p, 0o777), fill(gen)(p)); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Open(tmp)
	if err != nil {
		t.Fatal(err)
	}
	if err := replaceByRename(f, tmp, path); err != nil {
		t.Fatal(err)
	}
	if generation(t, path) != "2" || names(t, dir) != "d" {
		t.Errorf("generation %s, files %s", generation(t, path), names(t, dir))
	}
}

func TestCleanTemp(t *testing.T) {
	dir := t.TempDir()
	const id = "0123456789abcdef"
	for _, name := range []string{"keep", "notes.tmp-mine", "x.tmp-" + id, ".tmp-" + id} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"new", "new.old-" + id, "lost.old-" + id, "lost.tmp-" + id} {
		p := filepath.Join(dir, name)
		if err := errors.Join(os.Mkdir(p, 0o777), fill(name)(p)); err != nil {
			t.Fatal(err)
		}
	}
	// A living writer's work stays.
	err := WriteFile(filepath.Join(dir, "live"), func(w io.Writer) error {
		return WriteDir(filepath.Join(dir, "livedir"), func(tmp string) error {
			if err := CleanTemp(dir); err != nil {
				return err
			}
			return fill("live")(tmp)
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := names(t, dir), ".tmp-"+id+" keep live livedir lost new notes.tmp-mine"; got != want {
		t.Errorf("after cleaning: %s\nwant %s", got, want)
	}
	if got := generation(t, filepath.Join(dir, "lost")); got != "lost.old-"+id {
		t.Errorf("put back %q", got)
	}
	if err := CleanTemp(filepath.Join(dir, "missing")); err != nil {
		t.Error(err)
	}
}

func TestSpace(t *testing.T) {
	dir := t.TempDir()
	free, err := Free(filepath.Join(dir, "not", "there"))
	if err != nil || free == 0 {
		t.Fatalf("Free: %d, %v", free, err)
	}
	if err := Need(dir, 1); err != nil {
		t.Error(err)
	}
	err = Need(filepath.Join(dir, "x"), 1<<62)
	if err == nil {
		t.Fatal("4 EB fit")
	}
	for _, part := range []string{"4611.7 PB needed", "free in " + dir, "another disk"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q lacks %q", err, part)
		}
	}
	for n, want := range map[uint64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 999_960: "1.0 MB", 1_500_000_000: "1.5 GB"} {
		if got := Size(n); got != want {
			t.Errorf("Size(%d) = %s, want %s", n, got, want)
		}
	}
}

func TestMap(t *testing.T) {
	dir := t.TempDir()
	for _, s := range []string{"", "x", strings.Repeat("page", 5000)} {
		path := filepath.Join(dir, fmt.Sprint(len(s)))
		if err := os.WriteFile(path, []byte(s), 0o666); err != nil {
			t.Fatal(err)
		}
		m, err := Map(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(m.Bytes()) != s {
			t.Errorf("%d bytes mapped, want %d", len(m.Bytes()), len(s))
		}
		if err := errors.Join(m.Close(), m.Close()); err != nil {
			t.Error(err)
		}
	}
	if _, err := Map(dir); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("mapping a folder: %v", err)
	}
	if _, err := Map(filepath.Join(dir, "missing")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}
