package hub

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
)

func TestBuiltin(t *testing.T) {
	carried := fstest.MapFS{"config.json": {Data: []byte("{}")}, "model.safetensors": {Data: []byte("weights")}}
	c := &Client{Cache: t.TempDir(), Offline: true, Builtin: map[Repo]fs.FS{{Kind: Model, ID: "starter"}: carried}}
	if !c.Carries(Model, "starter") || c.Carries(Dataset, "starter") || c.Carries(Model, "gpt2") {
		t.Error("Carries confuses what is carried")
	}
	dir, err := c.Model(context.Background(), Repo{ID: "starter"})
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range carried {
		if b, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(b) != string(f.Data) {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
	again, err := c.Model(context.Background(), Repo{ID: "starter"})
	if err != nil || again != dir {
		t.Errorf("a second time: %q, %v; want %q", again, err, dir)
	}
	// Another program's repo of that name stands beside it, and without the program the cache still has it.
	c.Builtin = map[Repo]fs.FS{{Kind: Model, ID: "starter"}: fstest.MapFS{"config.json": {Data: []byte("{}")}, "model.safetensors": {Data: []byte("other")}}}
	other, err := c.Model(context.Background(), Repo{ID: "starter"})
	if err != nil || other == dir {
		t.Errorf("other content: %q, %v", other, err)
	}
	c.Builtin = nil
	if cached, err := c.Model(context.Background(), Repo{ID: "starter"}); err != nil || cached != other {
		t.Errorf("from the cache: %q, %v; want %q", cached, err, other)
	}
}
