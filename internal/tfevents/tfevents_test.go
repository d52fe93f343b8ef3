package tfevents

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// write writes the events of testdata/make_fixtures.py.
func write(t *testing.T, w *Writer) {
	t.Helper()
	at := func(s float64) time.Time { return time.Unix(1700000000, 0).Add(time.Duration(s * 1e9)) }
	err := errors.Join(
		w.Scalar("train/loss", 1, 0.693, at(1.25)),
		w.Scalar("train/loss", 500, 0, at(2.5)),
		w.Scalar("eval/größe", 1<<40, -1e30, at(3)),
		w.Text("args", strings.Repeat("{\n  \"learning_rate\": 5e-05\n}", 10)),
		w.Scalar("train/epoch", 0, math.Inf(1), at(4)),
		w.Close(),
	)
	if err != nil {
		t.Fatal(err)
	}
}

func TestBytesLikePython(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "events"))
	if err != nil {
		t.Fatal(err)
	}
	w := start(f, func() time.Time { return time.Unix(1700000000, 0) })
	write(t, w)
	got, err1 := os.ReadFile(w.Path())
	want, err2 := os.ReadFile("testdata/events.bin")
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("bytes differ:\n%q\n%q", got, want)
	}
}

// records returns the events of a file and checks lengths and checksums.
func records(t *testing.T, path string) [][]byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	unmask := func(m uint32) uint32 { m -= 0xa282ead8; return m>>17 | m<<15 }
	le, table := binary.LittleEndian, crc32.MakeTable(crc32.Castagnoli)
	var all [][]byte
	for len(b) > 0 {
		n := le.Uint64(b)
		if unmask(le.Uint32(b[8:])) != crc32.Checksum(b[:8], table) || uint64(len(b)) < n+16 {
			t.Fatalf("record %d: bad length %d", len(all), n)
		}
		data := b[12 : 12+n]
		if unmask(le.Uint32(b[12+n:])) != crc32.Checksum(data, table) {
			t.Fatalf("record %d: bad checksum", len(all))
		}
		all, b = append(all, data), b[16+n:]
	}
	return all
}

// fields decodes one level of a protobuf message: field number to its last value.
func fields(t *testing.T, b []byte) map[uint64][]byte {
	t.Helper()
	m := map[uint64][]byte{}
	for len(b) > 0 {
		key, n := binary.Uvarint(b)
		b = b[n:]
		size := 0
		switch key & 7 {
		case 0:
			_, size = binary.Uvarint(b)
		case 1:
			size = 8
		case 2:
			v, n := binary.Uvarint(b)
			b, size = b[n:], int(v)
		case 5:
			size = 4
		default:
			t.Fatalf("wire type %d", key&7)
		}
		m[key>>3], b = b[:size], b[size:]
	}
	return m
}

func TestCreate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "runs", "a")
	w, err := Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^events\.out\.tfevents\.\d{10}\..+\.` + strconv.Itoa(os.Getpid()) + `\.\d+$`).MatchString(filepath.Base(w.Path())) {
		t.Error(w.Path())
	}
	if all := records(t, w.Path()); len(all) != 1 || string(fields(t, all[0])[3]) != "brain.Event:2" {
		t.Errorf("a new file holds %q", all)
	}
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for j := range 100 {
				w.Scalar("x", int64(j), float64(i), time.Now())
			}
		})
	}
	wg.Wait()
	if err := errors.Join(w.Close(), w.Close()); err != nil {
		t.Fatal(err)
	}
	all := records(t, w.Path())
	if len(all) != 401 {
		t.Fatalf("%d records", len(all))
	}
	for _, r := range all[1:] {
		value := fields(t, fields(t, fields(t, r)[5])[1])
		if x := math.Float32frombits(binary.LittleEndian.Uint32(value[2])); string(value[1]) != "x" || x < 0 || x > 3 {
			t.Fatalf("record %q", r)
		}
	}
	if err := w.Scalar("x", 1, 1, time.Now()); err == nil {
		t.Error("wrote after Close")
	}
	other, err := Create(dir)
	if err != nil || other.Path() == w.Path() {
		t.Errorf("%s, %v", other.Path(), err)
	}
	other.Close()
}

// TestTensorBoard lets TensorBoard itself read a file; it needs a Python that has it, named by HONE_PYTHON.
func TestTensorBoard(t *testing.T) {
	python := os.Getenv("HONE_PYTHON")
	if python == "" {
		t.Skip("HONE_PYTHON names no Python with tensorboard")
	}
	dir := t.TempDir()
	w, err := Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	write(t, w)
	got, err := exec.Command(python, "testdata/check_events.py", dir).Output()
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf(`scalar eval/größe 1099511627776 1700000003.0 -1.0000000150474662e+30
scalar train/epoch 0 1700000004.0 inf
scalar train/loss 1 1700000001.25 0.6930000185966492
scalar train/loss 500 1700000002.5 0.0
text args/text_summary 0 '%s'
`, strings.Repeat(`{\n  "learning_rate": 5e-05\n}`, 10))
	if string(got) != want {
		t.Errorf("TensorBoard reads\n%swant\n%s", got, want)
	}
}
