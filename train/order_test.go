package train

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/hone-ml/hone/internal/fixtures"
)

// readJSON decodes a fixture.
func readJSON(t *testing.T, name string, v any) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(fixtures.Dir(t, "."), filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatal(err)
	}
}

func TestOrderEqualsTorch(t *testing.T) {
	var f struct {
		Randperm []struct {
			N      int
			Seed   int64
			First  []int32
			SHA256 string
		}
		Grouped []struct {
			Lengths []int
			Batch   int `json:"batch_size"`
			Seed    int64
			Order   []int32
		} `json:"length_grouped"`
	}
	readJSON(t, "randperm.json", &f)
	for _, c := range f.Randperm {
		perm := make([]int32, c.N)
		newMT19937(c.Seed).randperm(perm)
		h := sha256.New()
		for _, i := range perm {
			binary.Write(h, binary.LittleEndian, int64(i))
		}
		if got := hex.EncodeToString(h.Sum(nil)); got != c.SHA256 {
			t.Errorf("randperm(%d) with seed %d begins %v, torch %v", c.N, c.Seed, perm[:min(5, c.N)], c.First[:min(5, c.N)])
		}
	}
	for _, c := range f.Grouped {
		got := make([]int32, len(c.Lengths))
		groupByLength(got, newMT19937(c.Seed), c.Lengths, c.Batch)
		if !slices.Equal(got, c.Order) {
			t.Errorf("%d examples grouped by length: %v, reference %v", len(got), got, c.Order)
		}
	}
}
