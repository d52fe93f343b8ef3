package bundle

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

var ctx = context.Background()

// tree makes a folder with a link in it, as the Hub's cache has them.
func tree(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"blob": "weights", "m/config.json": "{}", "m/sub/b": strings.Repeat("b", 100_000), "m/.hidden": "x", "m/checkpoint-5/a": "x"} {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o777), os.WriteFile(name, []byte(text), 0o666)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(dir, "blob"), filepath.Join(dir, "m", "model.safetensors")); err != nil {
		t.Skip(err)
	}
	return filepath.Join(dir, "m")
}

func packed(t testing.TB) (string, *Manifest) {
	t.Helper()
	files, err := Folder("models/m", tree(t))
	if err != nil {
		t.Fatal(err)
	}
	files = append(files, Source{Path: "bin/hone", Content: []byte("program"), Executable: true}, Source{Path: "empty"})
	out := filepath.Join(t.TempDir(), "b.tar.zst")
	var done, total int64
	m, err := Write(ctx, out, "hone test", files, func(d, n int64) { done, total = d, n })
	if err != nil {
		t.Fatal(err)
	}
	if done != total || total != 2*m.Bytes() {
		t.Errorf("progress %d of %d, %d bytes", done, total, m.Bytes())
	}
	return out, m
}

func TestThereAndBack(t *testing.T) {
	archive, m := packed(t)
	var names []string
	for _, e := range m.Files {
		names = append(names, e.Path)
	}
	if want := []string{"bin/hone", "empty", "models/m/config.json", "models/m/model.safetensors", "models/m/sub/b"}; !slices.Equal(names, want) {
		t.Errorf("packed %v", names)
	}
	f, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	dir := filepath.Join(t.TempDir(), "new", "x")
	if _, err := Unpack(ctx, f, dir, nil); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"models/m/model.safetensors": "weights", "bin/hone": "program", "empty": ""} {
		if b, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(b) != want {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
	if info, err := os.Lstat(filepath.Join(dir, "bin", "hone")); err != nil || runtime.GOOS != "windows" && info.Mode()&0o100 == 0 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if _, err := Unpack(ctx, f, dir, nil); err == nil || !strings.Contains(err.Error(), "is not empty") {
		t.Error(err)
	}
}

func TestReproducible(t *testing.T) {
	a, _ := packed(t)
	b, _ := packed(t)
	x, err1 := os.ReadFile(a)
	y, err2 := os.ReadFile(b)
	if err1 != nil || err2 != nil || !bytes.Equal(x, y) {
		t.Error("the same files make different bytes")
	}
}

// Whatever byte is changed, and wherever it is cut, an archive is refused and unpacking leaves nothing; but for the few
// bits that zstd does not use, which change nothing.
func TestDamaged(t *testing.T) {
	archive, want := packed(t)
	good, err := os.ReadFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Verify(ctx, bytes.NewReader(good), nil); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "x")
	for i := 0; i < len(good); i += 1 + len(good)/200 {
		for _, bad := range [][]byte{good[:i], slices.Concat(good[:i], []byte{good[i] ^ 0x10}, good[i+1:])} {
			if m, err := Unpack(ctx, bytes.NewReader(bad), dir, nil); err == nil {
				if len(bad) < len(good) || !reflect.DeepEqual(m, want) {
					t.Errorf("byte %d of %d: accepted as %v", i, len(good), m)
				}
				os.RemoveAll(dir)
			}
			if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
				t.Fatalf("byte %d: left %v", i, err)
			}
		}
	}
}

// A craft makes an archive by hand.
type craft struct {
	manifest any
	entries  []tar.Header
	content  string
}

func sum(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:])
}

func (c craft) tar(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	list, err := json.Marshal(c.manifest)
	if err != nil {
		t.Fatal(err)
	}
	err = w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: ManifestFile, Size: int64(len(list))})
	w.Write(list)
	for _, h := range c.entries {
		if h.Typeflag == tar.TypeReg {
			h.Size = int64(len(c.content))
		}
		err = errors.Join(err, w.WriteHeader(&h))
		if h.Size > 0 {
			w.Write([]byte(c.content))
		}
	}
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func compressed(t testing.TB, b []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll(b, nil)
}

func list(paths ...string) Manifest {
	m := Manifest{Format: 1}
	for _, p := range paths {
		m.Files = append(m.Files, Entry{Path: p, Size: 2, SHA256: sum("hi")})
	}
	return m
}

func entries(kind byte, names ...string) (h []tar.Header) {
	for _, n := range names {
		h = append(h, tar.Header{Typeflag: kind, Name: n, Linkname: map[bool]string{true: "/etc/passwd"}[kind != tar.TypeReg]})
	}
	return h
}

func TestHostile(t *testing.T) {
	var many []string
	for i := range maxFiles + 1 {
		many = append(many, fmt.Sprint(i))
	}
	huge := list("a")
	huge.Files[0].Size = 1 << 62
	for _, c := range []struct {
		craft
		want string
	}{
		{craft{list("../a"), entries(tar.TypeReg, "../a"), "hi"}, "refused"},
		{craft{list("/a"), entries(tar.TypeReg, "/a"), "hi"}, "refused"},
		{craft{list("a/../../b"), nil, ""}, "refused"},
		{craft{list(`a\b`), nil, ""}, "refused"},
		{craft{list("C:/a"), nil, ""}, "refused"},
		{craft{list("a\n"), nil, ""}, "control character"},
		{craft{list("a/b."), nil, ""}, "dot or a space"},
		{craft{list(strings.Repeat("a", 600)), nil, ""}, "too long"},
		{craft{list("a", "A"), nil, ""}, "listed twice"},
		{craft{list("Manifest.json"), nil, ""}, "listed twice"},
		{craft{list(many...), nil, ""}, "more than 100000"},
		{craft{huge, nil, ""}, "more than an archive may have"},
		{craft{Manifest{Format: 2}, nil, ""}, "format 2"},
		{craft{map[string]any{"format": 1, "more": 1}, nil, ""}, "unknown field"},
		{craft{list("a"), entries(tar.TypeSymlink, "a"), ""}, "where manifest.json lists"},
		{craft{list("a"), entries(tar.TypeLink, "a"), ""}, "where manifest.json lists"},
		{craft{list("a"), entries(tar.TypeReg, "b"), "hi"}, "where manifest.json lists"},
		{craft{list("a"), entries(tar.TypeReg, "a"), "no"}, "SHA-256"},
		{craft{list("a"), entries(tar.TypeReg, "a"), "longer"}, "where manifest.json lists"},
		{craft{list("a"), nil, ""}, "ends before a"},
		{craft{list(), entries(tar.TypeReg, "a"), "hi"}, "does not list"},
		{craft{list("a", "a/b"), entries(tar.TypeReg, "a", "a/b"), "hi"}, "a/b"},
	} {
		parent := t.TempDir()
		b := compressed(t, c.tar(t))
		if _, err := Unpack(ctx, bytes.NewReader(b), filepath.Join(parent, "x"), nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.60q: %v", c.want, err)
		}
		if left, err := os.ReadDir(parent); err != nil || len(left) > 0 {
			t.Errorf("%s: left %v %v", c.want, left, err)
		}
	}
	behind := append(craft{list(), nil, ""}.tar(t), "more"...)
	if _, err := Verify(ctx, bytes.NewReader(compressed(t, behind)), nil); err == nil || !strings.Contains(err.Error(), "behind its end") {
		t.Error(err)
	}
	if _, err := Verify(ctx, strings.NewReader("PK\x03\x04"), nil); err == nil {
		t.Error("a zip file is accepted")
	}
}

func TestCancelled(t *testing.T) {
	stopped, cancel := context.WithCancel(ctx)
	cancel()
	out := filepath.Join(t.TempDir(), "b")
	if _, err := Write(stopped, out, "", []Source{{Path: "a", Content: []byte("x")}}, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// Whatever an archive holds, what is unpacked is what its manifest lists, within the folder.
func FuzzUnpack(f *testing.F) {
	for _, c := range []craft{
		{list("a", "b/c"), entries(tar.TypeReg, "a", "b/c"), "hi"}, {list("../a"), entries(tar.TypeReg, "../a"), "hi"},
		{list("a"), entries(tar.TypeSymlink, "a"), ""}, {list(), nil, ""},
	} {
		f.Add(c.tar(f))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		parent := t.TempDir()
		dir := filepath.Join(parent, "x")
		if err := os.Mkdir(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		root, err := os.OpenRoot(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		m, err := read(&meter{ctx: ctx}, bytes.NewReader(b), func(*Manifest) (sink, error) { return folder{root}, nil })
		found := 0
		filepath.WalkDir(parent, func(p string, e fs.DirEntry, _ error) error {
			if !e.IsDir() {
				found++
				if info, err := e.Info(); err != nil || !info.Mode().IsRegular() || !strings.HasPrefix(p, dir+string(filepath.Separator)) {
					t.Errorf("%s: %v", p, info)
				}
			}
			return nil
		})
		if err == nil && found != len(m.Files) {
			t.Errorf("%d files of %d", found, len(m.Files))
		}
	})
}

func FuzzVerify(f *testing.F) {
	f.Add(compressed(f, craft{list("a"), entries(tar.TypeReg, "a"), "hi"}.tar(f)))
	f.Add([]byte("\x28\xb5\x2f\xfd"))
	f.Fuzz(func(t *testing.T, b []byte) { Verify(ctx, bytes.NewReader(b), nil) })
}
