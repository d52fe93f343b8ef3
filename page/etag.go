package page

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
)

// etag stands for all embedded files: they change together, with the binary.
var etag = func() string {
	h := sha256.New()
	fs.WalkDir(web, ".", func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			b, _ := fs.ReadFile(web, path)
			h.Write([]byte(path))
			h.Write(b)
		}
		return nil
	})
	return `"` + hex.EncodeToString(h.Sum(nil)[:12]) + `"`
}()
