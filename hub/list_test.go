package hub

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestCachedAndRemove(t *testing.T) {
	c := &Client{Cache: t.TempDir(), Offline: true}
	commit := "0123456789abcdef0123456789abcdef01234567"
	for name, text := range map[string]string{
		"models--org--name/blobs/a": "12345", "models--org--name/blobs/b": "1", "models--org--name/snapshots/" + commit + "/sub/x": "",
		"datasets--plain/snapshots/" + commit + "/x": "123", ".locks/models--org--name/a.lock": "",
		"models--no--snapshot/blobs/a": "1", "models----bad/snapshots/" + commit + "/x": "1", "other/snapshots/" + commit + "/x": "1", "CACHEDIR.TAG": "",
		"spaces--org--name/snapshots/" + commit + "/x": "1",
	} {
		path := filepath.Join(c.Cache, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, []byte(text), 0o666)); err != nil {
			t.Fatal(err)
		}
	}
	list, err := c.Cached()
	if err != nil || len(list) != 2 {
		t.Fatalf("%+v %v", list, err)
	}
	m, d := list[0], list[1]
	if m.Repo != (Repo{Kind: Model, ID: "org/name"}) || m.Bytes != 6 || len(m.Commits) != 1 || m.Modified.IsZero() || d.Repo != (Repo{Kind: Dataset, ID: "plain"}) || d.Bytes != 3 {
		t.Errorf("%+v", list)
	}
	for _, bad := range []Repo{{ID: "gone"}, {ID: ".."}, {ID: "../x"}, {ID: ""}} {
		if err := c.Remove(bad); err == nil {
			t.Errorf("%v was removed", bad)
		}
	}
	if err := c.Remove(m.Repo); err != nil {
		t.Fatal(err)
	}
	for _, gone := range []string{m.Dir, filepath.Join(c.Cache, ".locks", "models--org--name")} {
		if _, err := os.Stat(gone); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", gone, err)
		}
	}
	if list, err := c.Cached(); err != nil || len(list) != 1 {
		t.Errorf("%+v %v", list, err)
	}
	if list, err := (&Client{Cache: filepath.Join(c.Cache, "none")}).Cached(); err != nil || len(list) != 0 {
		t.Errorf("%v %v", list, err)
	}
}
