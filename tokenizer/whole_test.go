package tokenizer

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/hone-ml/hone/internal/realdata"
)

// Every text of ../shared/data has the ids that the official library gives it: testdata/hashes.json has their sums.
func TestEveryTextOfTheRealData(t *testing.T) {
	if testing.Short() {
		t.Skip("130 MB of text")
	}
	dir := filepath.Dir(realdata.Path(t, "gpt2/vocab.json"))
	tok, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile("testdata/hashes.json")
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]struct {
		Tokens int
		SHA256 string
	}
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	for name, w := range want {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sum, tokens := hashFile(t, tok, filepath.Join(dir, "..", filepath.FromSlash(name)))
			if sum != w.SHA256 || tokens != w.Tokens {
				t.Errorf("%d tokens with sum %s, the official library has %d with %s", tokens, sum, w.Tokens, w.SHA256)
			}
		})
	}
}

// hashFile returns the sum of the ids of a JSONL file's texts, a −1 behind each.
func hashFile(t *testing.T, tok *Tokenizer, path string) (sum string, tokens int) {
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(path, ".zst") {
		z, err := zstd.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		defer z.Close()
		r = z
	}
	h := sha256.New()
	var ids []int32
	var raw []byte
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var row struct{ Text string }
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		ids = tok.Append(ids[:0], row.Text)
		tokens += len(ids)
		raw = raw[:0]
		for _, id := range append(ids, -1) {
			raw = binary.LittleEndian.AppendUint32(raw, uint32(id))
		}
		h.Write(raw)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(h.Sum(nil)), tokens
}
