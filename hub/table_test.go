package hub

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestEnvironment(t *testing.T) {
	home := filepath.Join(t.TempDir(), "home")
	write := func(path, content string) string {
		path = filepath.Join(home, path)
		os.MkdirAll(filepath.Dir(path), 0o777)
		os.WriteFile(path, []byte(content), 0o600)
		return path
	}
	write(".cache/huggingface/token", " hf_file\r\n")
	elsewhere := write("elsewhere", "hf_elsewhere")
	at := func(parts ...string) string { return filepath.Join(append([]string{home}, parts...)...) }
	type env = map[string]string
	for name, tt := range map[string]struct {
		env  env
		want *Client
	}{
		"nothing":      {nil, &Client{Cache: at(".cache", "huggingface", "hub"), Token: "hf_file"}},
		"home":         {env{"HF_HOME": "~/hf"}, &Client{Cache: at("hf", "hub")}},
		"xdg":          {env{"XDG_CACHE_HOME": at("xdg")}, &Client{Cache: at("xdg", "huggingface", "hub")}},
		"home and xdg": {env{"XDG_CACHE_HOME": at("xdg"), "HF_HOME": at("hf")}, &Client{Cache: at("hf", "hub")}},
		"cache":        {env{"HF_HUB_CACHE": "$ROOT/c", "ROOT": home, "HF_HOME": at("hf")}, &Client{Cache: at("c")}},
		"old cache":    {env{"HUGGINGFACE_HUB_CACHE": at("c"), "HF_HOME": at("hf")}, &Client{Cache: at("c")}},
		"token":        {env{"HF_TOKEN": "hf_env\n"}, &Client{Cache: at(".cache", "huggingface", "hub"), Token: "hf_env"}},
		"token path":   {env{"HF_TOKEN_PATH": elsewhere}, &Client{Cache: at(".cache", "huggingface", "hub"), Token: "hf_elsewhere"}},
		"no token": {env{"HF_TOKEN": "hf_env", "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"},
			&Client{Cache: at(".cache", "huggingface", "hub")}},
		"the rest": {env{"HF_HOME": at("hf"), "HF_ENDPOINT": "https://hf.example/", "HF_HUB_ETAG_TIMEOUT": "2.5", "HF_HUB_DOWNLOAD_TIMEOUT": "60",
			"HF_HUB_DISABLE_SYMLINKS": "yes", "REQUESTS_CA_BUNDLE": "/ca.pem"},
			&Client{Cache: at("hf", "hub"), Endpoint: "https://hf.example/", MetadataTimeout: 2500 * time.Millisecond,
				DownloadTimeout: time.Minute, NoSymlinks: true, CAFile: "/ca.pem"}},
	} {
		got, err := fromEnv(func(name string) string { return tt.env[name] }, func() (string, error) { return home, nil })
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if a, b := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", tt.want); a != b {
			t.Errorf("%s:\n got %s\nwant %s", name, a, b)
		}
	}
	for name, tt := range map[string]struct {
		env     env
		offline bool
	}{
		"hub":         {env{"HF_HUB_OFFLINE": "1"}, true},
		"true":        {env{"HF_HUB_OFFLINE": "True"}, true},
		"maybe":       {env{"HF_HUB_OFFLINE": "maybe"}, false},
		"transformer": {env{"TRANSFORMERS_OFFLINE": "on"}, true},
		"data sets":   {env{"HF_DATASETS_OFFLINE": "YES"}, true},
		"hub wins":    {env{"HF_HUB_OFFLINE": "0", "TRANSFORMERS_OFFLINE": "1"}, false},
	} {
		c, err := fromEnv(func(name string) string { return tt.env[name] }, func() (string, error) { return home, nil })
		if err != nil || c.Offline != tt.offline {
			t.Errorf("%s: offline %v, %v", name, c.Offline, err)
		}
	}
	for _, bad := range []env{{"HF_HUB_ETAG_TIMEOUT": "soon"}, {"HF_HUB_DOWNLOAD_TIMEOUT": "-1"}, {"HF_TOKEN": "hf_a\nX-Evil: 1"}, {"HF_TOKEN_PATH": home}} {
		if _, err := fromEnv(func(name string) string { return bad[name] }, func() (string, error) { return home, nil }); err == nil {
			t.Errorf("%v: no error", bad)
		}
	}
	if c, err := fromEnv(func(string) string { return "" }, func() (string, error) { return "", errors.New("none") }); err == nil {
		t.Errorf("no home: %+v", c)
	}
}

func TestZeroClient(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	s, err := new(Client).store(Repo{ID: "org/name"})
	if want := filepath.Join(home, ".cache", "huggingface", "hub", "models--org--name"); err != nil || s.dir != want {
		t.Errorf("%s, %v, want %s", s.dir, err, want)
	}
	if got := new(Client).endpoint(); got != "https://huggingface.co" {
		t.Error(got)
	}
}

func TestRepoCheck(t *testing.T) {
	long := strings.Repeat("a", 96)
	for _, id := range []string{"gpt2", "org/name", "123", "Foo-BAR_foo.bar123", long + "/" + long, "_a/b_"} {
		if err := (Repo{ID: id}).Check(); err != nil {
			t.Error(err)
		}
	}
	for _, id := range []string{"", "a/b/c", "a--b", "a..b", ".a", "-a", "a.", "a-", "a/", "/a", "a.git", "a b", "a\\b", "ä", long + "a", "../a", "a/..", "a\n"} {
		wantError(t, Repo{ID: id}.Check(), nil, "not the name of a repo")
	}
	for _, rev := range []string{"main", "refs/convert/parquet", "refs/pr/1", "v1.0", strings.Repeat("a", 40)} {
		if err := (Repo{ID: "a", Revision: rev}).Check(); err != nil {
			t.Error(err)
		}
	}
	for _, rev := range []string{"../x", "/x", "a//b", "-x", "a\\b", "a\x00", strings.Repeat("a", 256)} {
		wantError(t, Repo{ID: "a", Revision: rev}.Check(), nil, "not the name of a revision")
	}
	wantError(t, Repo{ID: "a", Kind: "space"}.Check(), nil, "kind")
	for repo, want := range map[Repo]string{
		{ID: "gpt2"}:                                               "model gpt2",
		{ID: "a/b", Revision: "v1"}:                                "model a/b at v1",
		{ID: "a/b", Kind: Dataset}:                                 "data set a/b",
		{ID: "a", Revision: "main"}:                                "model a",
		{Kind: Model, ID: "x/y.z_0-1"}:                             "model x/y.z_0-1",
		{Kind: "space", ID: "x"}:                                   "space x",
		{Kind: Dataset, ID: "d", Revision: "refs/convert/parquet"}: "data set d at refs/convert/parquet",
	} {
		if got := repo.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	r := Repo{Dataset, "org/data", parquetCopies}
	if got, want := r.resolve(r.Revision, "a b/#1%.parquet"), "datasets/org/data/resolve/refs%2Fconvert%2Fparquet/a%20b/%231%25.parquet"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

var badPaths = []string{"", "/", "/etc/passwd", "..", "../a", "a/../b", "a/..", "./a", "a//b", "a/", `a\b`, `..\a`, `\\host\share`,
	"C:", "C:/a", "c:a", "a/D:b", "a\x00b", "a\nb", "a\x7f", "\xff", strings.Repeat("a", 256), strings.Repeat("a/", 600) + "a"}

func TestCheckPath(t *testing.T) {
	for _, path := range []string{"a", "config.json", "a/b/c.txt", "..a", "a..", "...", "ä", "data/train-00000-of-00001.parquet", ".gitattributes"} {
		if err := checkPath(path); err != nil {
			t.Error(err)
		}
	}
	for _, path := range badPaths {
		if checkPath(path) == nil {
			t.Errorf("%q passes", path)
		}
	}
	h, c, _, _, _ := scene(t)
	for _, path := range badPaths {
		_, err := c.File(t.Context(), Repo{ID: "org/tiny"}, path)
		wantError(t, err, nil, "refused")
	}
	if len(h.requests) > 0 {
		t.Errorf("requests %v", h.requests)
	}
}

func TestNormalETag(t *testing.T) {
	for header, want := range map[string]string{`"abc"`: "abc", `W/"abc"`: "abc", `abc`: "abc", ` "abc" `: "abc", ``: "", `""`: ""} {
		if got := normalETag(header); got != want {
			t.Errorf("%s: %q, want %q", header, got, want)
		}
	}
}

func TestNextLink(t *testing.T) {
	for _, tt := range []struct {
		headers []string
		want    string
	}{
		{nil, ""},
		{[]string{`<https://h/a?cursor=1>; rel="next"`}, "https://h/a?cursor=1"},
		{[]string{`<https://h/a?b=1,2;c>; rel=next`}, "https://h/a?b=1,2;c"},
		{[]string{`<p>; rel="prev", <n>; title="a, <b>"; rel="last next"`}, "n"},
		{[]string{`<p>; rel="prev"`, `<n>; REL=NEXT`}, "n"},
		{[]string{`<p>; rel="nextish"`}, ""},
		{[]string{`<p; rel="next"`}, ""},
		{[]string{`p>; rel="next"`}, ""},
	} {
		if got := nextLink(tt.headers); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.headers, got, tt.want)
		}
	}
}

// The expected answers are those of Python's fnmatch.fnmatchcase.
func TestMatch(t *testing.T) {
	for _, tt := range []struct {
		pattern, path string
		want          bool
	}{
		{"*.json", "config.json", true},
		{"*.json", "folder/config.json", true},
		{"*.json", "config.jsonl", false},
		{"*.JSON", "config.json", false},
		{"data/", "data/a/b", true},
		{"data/", "data", false},
		{`data\*`, "data/a", true},
		{"?.txt", "a.txt", true},
		{"?.txt", "ab.txt", false},
		{"[ab]c", "bc", true},
		{"[!ab]c", "bc", false},
		{"[!ab]c", "dc", true},
		{"[a-c]x", "bx", true},
		{"[]]x", "]x", true},
		{"[!]]x", "]x", false},
		{"[^a]", "^", true},
		{"[^a]", "b", false},
		{"[z-a]", "z", false},
		{"[ab", "[ab", true},
		{"[", "[", true},
		{"a.c", "abc", false},
		{"a+(b)|$", "a+(b)|$", true},
		{"ä*", "äb", true},
		{"", "", true},
		{"", "a", false},
	} {
		if got := len(Match(tt.pattern)([]File{{Path: tt.path}})) == 1; got != tt.want {
			t.Errorf("%q on %q: %v", tt.pattern, tt.path, got)
		}
	}
}

func named(paths ...string) (files []File) {
	for _, p := range paths {
		files = append(files, File{Path: p})
	}
	return files
}

func paths(files []File) (list []string) {
	for _, f := range files {
		list = append(list, f.Path)
	}
	slices.Sort(list)
	return list
}

func TestModelFiles(t *testing.T) {
	for name, tt := range map[string]struct{ all, want []string }{
		"gpt2": {
			[]string{".gitattributes", "64-8bits.tflite", "README.md", "config.json", "flax_model.msgpack", "generation_config.json", "merges.txt", "model.safetensors", "onnx/config.json", "onnx/decoder_model.onnx", "pytorch_model.bin", "rust_model.ot", "tf_model.h5", "tokenizer.json", "tokenizer_config.json", "vocab.json"},
			[]string{"config.json", "generation_config.json", "merges.txt", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "vocab.json"}},
		"shards": {
			[]string{"config.json", "consolidated.safetensors", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json", "original/model.safetensors", "chat_template.jinja", "additional_chat_templates/tool.jinja"},
			[]string{"additional_chat_templates/tool.jinja", "chat_template.jinja", "config.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json"}},
		"variants": {[]string{"model.fp16.safetensors", "model.safetensors"}, []string{"model.safetensors"}},
		"adapter":  {[]string{"adapter_config.json", "adapter_model.safetensors", "adapter_model.bin"}, []string{"adapter_config.json", "adapter_model.safetensors"}},
		"other":    {[]string{"weights.safetensors", "x/y.safetensors"}, []string{"weights.safetensors"}},
		"one GGUF": {[]string{"a.gguf", "config.json"}, []string{"a.gguf", "config.json"}},
		"GGUFs":    {[]string{"a.gguf", "b.gguf"}, nil},
		"pickle":   {[]string{"config.json", "pytorch_model.bin"}, []string{"config.json"}},
	} {
		if got := paths(ModelFiles(named(tt.all...))); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

func TestModel(t *testing.T) {
	h := newFakeHub(t)
	h.add(Model, "org/good", "main", tiny)
	h.add(Model, "org/pickle", "main", map[string]string{"config.json": "{}", "pytorch_model.bin": "x"})
	h.add(Model, "org/gguf", "main", map[string]string{"a-q4.gguf": "x", "a-q8.gguf": "x"})
	h.add(Model, "org/none", "main", map[string]string{"README.md": "x"})
	c, _ := h.client(t)
	dir, err := c.Model(t.Context(), Repo{ID: "org/good"})
	if err != nil {
		t.Fatal(err)
	}
	if got := files(t, dir); !slices.Equal(got, []string{"config.json", "model.safetensors", "tokenizer.json"}) {
		t.Errorf("%v", got)
	}
	_, err = c.Model(t.Context(), Repo{ID: "org/pickle"})
	wantError(t, err, ErrNotFound, "no weights as safetensors", "pytorch_model.bin")
	_, err = c.Model(t.Context(), Repo{ID: "org/gguf"})
	wantError(t, err, ErrNotFound, "2 GGUF files", "a-q8.gguf")
	_, err = c.Model(t.Context(), Repo{ID: "org/none"})
	wantError(t, err, ErrNotFound, "README.md")
}

func TestDatasetFiles(t *testing.T) {
	for name, tt := range map[string]struct{ all, want []string }{
		"rotten tomatoes": {[]string{".gitattributes", "README.md", "train.parquet", "validation.parquet", "test.parquet"},
			[]string{"README.md", "test.parquet", "train.parquet", "validation.parquet"}},
		"parquet wins": {[]string{"a.jsonl", "b.jsonl", "c.parquet"}, []string{"c.parquet"}},
		"most":         {[]string{"a.jsonl", "b.jsonl", "c.csv"}, []string{"a.jsonl", "b.jsonl"}},
		"tie":          {[]string{"a.jsonl", "c.csv"}, []string{"a.jsonl"}},
		"compressed":   {[]string{"data/train.jsonl.gz", "data/test.jsonl.zst", "README.md"}, []string{"README.md", "data/test.jsonl.zst", "data/train.jsonl.gz"}},
		"about data":   {[]string{"dataset_infos.json", "config.json", "a.csv"}, []string{"a.csv"}},
		"hidden":       {[]string{".cache/a.csv", "x/.y/a.csv", "b.tsv"}, []string{"b.tsv"}},
		"script":       {[]string{"README.md", "imdb.py", "data.zip", "dataset_infos.json"}, nil},
	} {
		if got := paths(DatasetFiles(named(tt.all...))); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

func TestDataset(t *testing.T) {
	h := newFakeHub(t)
	script := map[string]string{"README.md": "x", "load.py": "x"}
	h.add(Dataset, "org/own", "main", map[string]string{"README.md": "x", "train.parquet": "t", "load.py": "x"})
	h.add(Dataset, "org/script", "main", script)
	h.add(Dataset, "org/script", parquetCopies, map[string]string{"default/train/0000.parquet": "t", "default/test/0000.parquet": "e"})
	h.add(Dataset, "org/glue", "main", script)
	h.add(Dataset, "org/glue", parquetCopies, map[string]string{"cola/train/0000.parquet": "t", "sst2/train/0000.parquet": "e"})
	h.add(Dataset, "org/big", "main", script)
	h.add(Dataset, "org/big", parquetCopies, map[string]string{"default/partial-train/0000.parquet": "t"})
	h.add(Dataset, "org/none", "main", script)
	h.add(Dataset, "org/many", "main", map[string]string{"README.md": "x", "cola/train-00000-of-00001.parquet": "c", "sst2/train-00000-of-00001.parquet": "s"})
	c, _ := h.client(t)
	off := &Client{Cache: c.Cache, Offline: true}
	for _, tt := range []struct {
		id, config string
		want       []string
	}{
		{"org/own", "", []string{"README.md", "train.parquet"}},
		{"org/script", "", []string{"test/0000.parquet", "train/0000.parquet"}},
		{"org/glue", "sst2", []string{"train/0000.parquet"}},
		{"org/many", "sst2", []string{"train-00000-of-00001.parquet"}},
		{"org/many", "", []string{"README.md", "cola/train-00000-of-00001.parquet", "sst2/train-00000-of-00001.parquet"}},
		{"org/own", "elsewhere", []string{"README.md", "train.parquet"}},
	} {
		dir, err := c.Dataset(t.Context(), Repo{ID: tt.id}, tt.config)
		if err != nil {
			t.Fatal(err)
		}
		if got := files(t, dir); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.id, got, tt.want)
		}
		if again, err := off.Dataset(t.Context(), Repo{ID: tt.id}, tt.config); err != nil || again != dir {
			t.Errorf("%s offline: %s, %v", tt.id, again, err)
		}
	}
	if !isFile(filepath.Join(c.Cache, "datasets--org--script", "refs", "refs", "convert", "parquet")) {
		t.Error("no reference of the copy")
	}
	_, err := c.Dataset(t.Context(), Repo{ID: "org/glue"}, "")
	wantError(t, err, nil, "data set org/glue", "cola, sst2")
	_, err = c.Dataset(t.Context(), Repo{ID: "org/big"}, "")
	wantError(t, err, nil, "only a part", "partial-train")
	_, err = c.Dataset(t.Context(), Repo{ID: "org/none"}, "")
	wantError(t, err, ErrNotFound, "org/none", parquetCopies)
	_, err = c.Dataset(t.Context(), Repo{ID: "org/misspelt"}, "")
	wantError(t, err, ErrNotFound, "data set org/misspelt", "spelling", "/datasets/org/misspelt")
	_, err = off.Dataset(t.Context(), Repo{ID: "org/other"}, "")
	wantError(t, err, ErrOffline, "data set org/other:")
}

// Where links can't be made there is a copy, and a new blob is moved and not kept twice.
func TestPlace(t *testing.T) {
	fails := func(blob, pointer string) error { return errors.New("no links here") }
	for _, fresh := range []bool{false, true} {
		dir := t.TempDir()
		blob, pointer := filepath.Join(dir, "blobs", "b"), filepath.Join(dir, "snapshots", "c", "d", "f")
		os.MkdirAll(filepath.Dir(blob), 0o777)
		os.WriteFile(blob, []byte("content"), 0o666)
		if err := place(pointer, blob, fresh, fails); err != nil {
			t.Fatal(err)
		}
		if read(t, pointer) != "content" || isFile(blob) == fresh {
			t.Errorf("fresh %v: blob kept %v", fresh, isFile(blob))
		}
	}
	h := newFakeHub(t)
	h.add(Model, "org/tiny", "main", tiny)
	c, _ := h.client(t)
	c.NoSymlinks = true
	dir := snapshot(t, c, Repo{ID: "org/tiny"}, nil)
	info, err := os.Lstat(filepath.Join(dir, "config.json"))
	if err != nil || !info.Mode().IsRegular() || read(t, dir, "config.json") != tiny["config.json"] {
		t.Errorf("%v, %v", info, err)
	}
	// Python's blob may be a link into a store of its own: the hard link is to the content.
	blob := filepath.Join(c.Cache, "models--org--tiny", "blobs", "abc")
	if err := os.Symlink("../../CACHEDIR.TAG", blob); err == nil {
		pointer := filepath.Join(t.TempDir(), "deep", "pointer")
		if err := place(pointer, blob, false, hardLink); err != nil || !strings.HasPrefix(read(t, pointer), "Signature") {
			t.Error(err)
		}
	}
	// A link that leads nowhere, as after blobs were deleted by hand, is replaced.
	os.RemoveAll(filepath.Join(c.Cache, "models--org--tiny", "blobs"))
	c.NoSymlinks = false
	os.Remove(filepath.Join(dir, "config.json"))
	os.Symlink("../../blobs/gone", filepath.Join(dir, "config.json"))
	if dir := snapshot(t, c, Repo{ID: "org/tiny"}, nil); read(t, dir, "config.json") != tiny["config.json"] {
		t.Error("not repaired")
	}
}

// A blob of another length than the Hub says, as after a crash, is fetched anew.
func TestDamagedBlob(t *testing.T) {
	_, c, _, content, incomplete := scene(t)
	blob := strings.TrimSuffix(incomplete, ".incomplete")
	os.MkdirAll(filepath.Dir(blob), 0o777)
	os.WriteFile(blob, []byte("torn"), 0o666)
	if got, err := getWeights(t, c); err != nil || got != content {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestMatches(t *testing.T) {
	content := []byte("content")
	for etag, want := range map[string]bool{
		sha(content):     true,
		gitHash(content): true,
		"040f06fd774092478d450774f5ba30c5da78acc8": true, // SHA-1 of the content, as some mirrors send
		sha([]byte("other")):                       false,
		gitHash([]byte("other")):                   false,
		"abc-3":                                    true,
	} {
		got, err := matches(t.Context(), bytes.NewReader(content), int64(len(content)), etag)
		if err != nil || got != want {
			t.Errorf("%s: %v, %v", etag, got, err)
		}
	}
}

func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b.lock")
	unlock, err := lock(t.Context(), path, func() { t.Error("nothing to wait for") })
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, err := lock(ctx, path, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("held: %v", err)
	}
	got, waited := make(chan error), make(chan bool)
	go func() {
		unlock, err := lock(t.Context(), path, func() { waited <- true })
		if err == nil {
			unlock()
		}
		got <- err
	}()
	<-waited
	unlock()
	if err := <-got; err != nil {
		t.Error(err)
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[uint64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 548_105_171: "548.1 MB", 1 << 62: "4611.7 PB"} {
		if got := size(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}
