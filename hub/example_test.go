package hub_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hone-ml/hone/hub"
)

// tinyHub serves one model, org/tiny, of two files.
func tinyHub() *httptest.Server {
	files := map[string]string{"config.json": `{"model_type":"gpt2"}`, "model.safetensors": "weights"}
	const commit = "0123456789abcdef0123456789abcdef01234567"
	mux := http.NewServeMux()
	mux.HandleFunc("/api/models/org/tiny/revision/main", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"sha":%q,"siblings":[]}`, commit)
	})
	mux.HandleFunc("/api/models/org/tiny/tree/"+commit, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `[{"type":"file","path":"config.json","size":21},{"type":"file","path":"model.safetensors","size":7}]`)
	})
	mux.HandleFunc("/org/tiny/resolve/", func(w http.ResponseWriter, r *http.Request) {
		name := filepath.Base(r.URL.Path)
		w.Header().Set("X-Repo-Commit", commit)
		w.Header().Set("ETag", `"etag-of-`+strings.ReplaceAll(name, ".", "-")+`"`)
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(files[name]))
	})
	return httptest.NewServer(mux)
}

// Download a model, then find it again where there is no network.
func ExampleClient_Model() {
	server := tinyHub()
	defer server.Close()
	cache, err := os.MkdirTemp("", "hub")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(cache)

	client := &hub.Client{Endpoint: server.URL, Cache: cache} // or hub.New(), which reads HF_HOME, HF_TOKEN, ...
	client.Progress = func(p hub.Progress) {
		if p.Done == p.Total {
			fmt.Printf("%s: %d bytes\n", p.File, p.Total)
		}
	}
	client.Workers = 1 // for an output in order
	dir, err := client.Model(context.Background(), hub.Repo{ID: "org/tiny"})
	if err != nil {
		panic(err)
	}

	offline := &hub.Client{Cache: cache, Offline: true}
	again, err := offline.Model(context.Background(), hub.Repo{ID: "org/tiny"})
	fmt.Println(again == dir, err)
	_, err = offline.File(context.Background(), hub.Repo{ID: "org/tiny"}, "tokenizer.json")
	fmt.Println(strings.ReplaceAll(err.Error(), cache, "CACHE"))
	// Output:
	// config.json: 21 bytes
	// model.safetensors: 7 bytes
	// true <nil>
	// hub: model org/tiny: file tokenizer.json is not in the cache (CACHE), and offline mode is on: run `hone pull org/tiny` where there is a network and copy the cache here, or go online (no --offline, no HF_HUB_OFFLINE)
}
