// Package tfevents writes the event files that TensorBoard reads: scalars over steps, and texts such as
// hyperparameters. The bytes are those that PyTorch's SummaryWriter gives for the same values.
//
// A file is a sequence of TFRecords, each an Event protobuf
// (tensorflow/core/util/event.proto, tensorflow/core/framework/summary.proto).
package tfevents

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Writer appends events to one file. Its methods may be used concurrently. After an error of the file, every
// later call returns it.
type Writer struct {
	mu  sync.Mutex
	f   *os.File
	w   *bufio.Writer
	err error
	now func() time.Time
}

// Create makes dir if needed, and in it a new file events.out.tfevents.SECONDS.HOST.PID.N, the name by which
// TensorBoard finds and orders files. N keeps the name apart from others of the same second.
func Create(dir string) (*Writer, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("tfevents: %w", err)
	}
	for n := 0; ; n++ {
		name := fmt.Sprintf("events.out.tfevents.%010d.%s.%d.%d", time.Now().Unix(), host(), os.Getpid(), n)
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("tfevents: %w", err)
		}
		w := start(f, time.Now)
		return w, w.Flush()
	}
}

func host() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return "localhost"
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || strings.ContainsRune(`/\:*?"<>|`, r) {
			return '_'
		}
		return r
	}, name)
}

// start writes the event that every file begins with.
func start(f *os.File, now func() time.Time) *Writer {
	w := &Writer{f: f, w: bufio.NewWriter(f), now: now}
	w.event(now(), 0, appendBytes(nil, 3, "brain.Event:2"))
	return w
}

// Path returns the file's path.
func (w *Writer) Path() string { return w.f.Name() }

// Scalar adds a point to the curve of tag. TensorBoard keeps float32.
func (w *Writer) Scalar(tag string, step int64, value float64, at time.Time) error {
	v := appendBytes(nil, 1, strings.ToValidUTF8(tag, "\ufffd"))
	v = binary.LittleEndian.AppendUint32(append(v, 2<<3|wire32), math.Float32bits(float32(value)))
	return w.event(at, step, summary(v))
}

// Text adds a text, shown as Markdown, at step 0. As in PyTorch the tag gets the suffix "/text_summary".
func (w *Writer) Text(tag, text string) error {
	const dtString = 7
	one := binary.AppendUvarint([]byte{1<<3 | wireVarint}, 1)
	shape := appendBytes(nil, 2, string(one))
	tensor := appendBytes([]byte{1<<3 | wireVarint, dtString}, 2, string(shape))
	tensor = appendBytes(tensor, 8, strings.ToValidUTF8(text, "\ufffd"))
	plugin := appendBytes(nil, 1, "text")

	v := appendBytes(nil, 1, strings.ToValidUTF8(tag, "\ufffd")+"/text_summary")
	v = appendBytes(v, 8, string(tensor))
	v = appendBytes(v, 9, string(appendBytes(nil, 1, string(plugin))))
	return w.event(w.now(), 0, summary(v))
}

// Flush hands everything to the system, so that a running TensorBoard sees it.
func (w *Writer) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = w.wrap(w.w.Flush())
	}
	return w.err
}

// Close flushes to the device and closes the file. Closing twice is fine.
func (w *Writer) Close() error {
	err := w.Flush()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == errClosed {
		return nil
	}
	err = errors.Join(err, w.wrap(w.f.Sync()), w.wrap(w.f.Close()))
	w.err = errClosed
	return err
}

var errClosed = errors.New("tfevents: the writer is closed")

func (w *Writer) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("tfevents: %w", err)
}

// event writes a record of an Event: wall_time, step, and the encoded field that says what happened.
func (w *Writer) event(at time.Time, step int64, what []byte) error {
	b := append(make([]byte, 0, 32+len(what)), 1<<3|wire64)
	b = binary.LittleEndian.AppendUint64(b, math.Float64bits(seconds(at)))
	if step != 0 {
		b = binary.AppendUvarint(append(b, 2<<3|wireVarint), uint64(step))
	}
	b = append(b, what...)

	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		_, err := w.w.Write(record(b))
		w.err = w.wrap(err)
	}
	return w.err
}

func seconds(t time.Time) float64 {
	return float64(t.Unix()) + float64(t.Nanosecond())/1e9
}

// record frames data as a TFRecord: length, checksum of the length, data, checksum of the data.
func record(data []byte) []byte {
	b := binary.LittleEndian.AppendUint64(make([]byte, 0, len(data)+16), uint64(len(data)))
	b = binary.LittleEndian.AppendUint32(b, masked(b))
	b = append(b, data...)
	return binary.LittleEndian.AppendUint32(b, masked(data))
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// masked is TFRecord's CRC-32C, rotated and shifted so that checksums of checksums stay good.
func masked(b []byte) uint32 {
	c := crc32.Checksum(b, castagnoli)
	return (c>>15 | c<<17) + 0xa282ead8
}

// Protobuf wire types, the low three bits of a field's key.
const (
	wireVarint = 0
	wire64     = 1
	wireBytes  = 2
	wire32     = 5
)

// appendBytes appends a field of bytes, text or an embedded message.
func appendBytes(b []byte, field byte, v string) []byte {
	b = binary.AppendUvarint(append(b, field<<3|wireBytes), uint64(len(v)))
	return append(b, v...)
}

// summary wraps an encoded Summary.Value as an Event's summary.
func summary(value []byte) []byte {
	return appendBytes(nil, 5, string(appendBytes(nil, 1, string(value))))
}
