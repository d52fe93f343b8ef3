// Package hub downloads models and data sets from the Hugging Face Hub and keeps them in the cache that
// Python's huggingface_hub keeps, in the same layout, so that either finds what the other has downloaded.
//
// The rules that hold everywhere:
//   - What is in the cache is used when the Hub can't be reached; nothing is asked when Client.Offline is set.
//   - The token goes to the endpoint's own scheme, host and port, never to where a redirect leads.
//   - Names that a server sends become paths only after checkPath; hashes and sizes are verified before a
//     download gets its place in the cache.
//   - A snapshot's folder is never written to twice: a file is either absent or whole.
//
// Semantics follow huggingface_hub 2.4 (file_download.py, _snapshot_download.py). On purpose different: a
// partial download is kept and resumed, content is verified by its hash, a shortage of disk space is an error
// and not a warning, and file metadata comes with the list of files instead of by one request for each.
package hub

import (
	"context"
	"io/fs"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// DefaultEndpoint is the Hub that a Client with no Endpoint asks.
const DefaultEndpoint = "https://huggingface.co"

// A Client downloads and finds files. The zero value asks DefaultEndpoint without a token and caches in
// ~/.cache/huggingface/hub; New reads the environment instead. Set the fields before the first call; after
// that a Client is safe for concurrent use and must not be copied.
type Client struct {
	// Endpoint is the address of the Hub, as in https://huggingface.co. Empty means DefaultEndpoint.
	Endpoint string
	// Cache is the folder that holds models--org--name and so on. Empty means ~/.cache/huggingface/hub.
	Cache string
	// Token is sent as Authorization: Bearer to Endpoint. Empty means anonymous.
	Token string
	// Builtin are repos that the program carries, which need no network. Keys have no Revision. Their files are
	// unpacked into the cache when they are first asked for.
	Builtin map[Repo]fs.FS
	// Offline forbids every request: what isn't in the cache is an ErrOffline.
	Offline bool
	// NoSymlinks places hard links or copies in snapshots, for file systems that can't follow links.
	NoSymlinks bool
	// CAFile names a PEM file with certificates to trust besides the system's.
	CAFile string
	// MetadataTimeout ends a wait for metadata while the cache has an answer to fall back to. 0 means 10 s.
	MetadataTimeout time.Duration
	// DownloadTimeout ends any other request in which no byte arrived for that long. 0 means 10 s.
	DownloadTimeout time.Duration
	// Workers is how many files a snapshot downloads at a time. 0 means 8, as in huggingface_hub.
	Workers int
	// Progress is told how downloads go. Calls come from several goroutines, but one at a time.
	Progress func(Progress)
	// Log hears of retries and of falling back to the cache. nil means slog.Default().
	Log *slog.Logger

	sleep func(context.Context, time.Duration) error // nil: a real sleep
	free  func(dir string) (uint64, error)           // nil: the file system's free bytes

	once      sync.Once // guards the two below
	transport *http.Transport
	setupErr  error

	reporting sync.Mutex // held while Progress runs
}

// Progress is the state of one file's download. Done may fall when a server makes the download start over.
// A snapshot reports each file that it is going to fetch, with Done as found on disk, before any byte is fetched,
// so that the sum of Total is known; a file is finished when Done == Total. Files in the cache are not reported.
type Progress struct {
	Repo  Repo
	File  string // path in the repo
	Done  int64  // bytes on disk
	Total int64  // bytes of the whole file, -1 while unknown
}

func (c *Client) report(p Progress) {
	if c.Progress == nil {
		return
	}
	c.reporting.Lock()
	defer c.reporting.Unlock()
	c.Progress(p)
}

func (c *Client) log() *slog.Logger {
	if c.Log != nil {
		return c.Log
	}
	return slog.Default()
}

// orDefault returns v, or def where v is 0.
func orDefault[T int | time.Duration](v, def T) T {
	if v == 0 {
		return def
	}
	return v
}
