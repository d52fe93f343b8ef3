package dataset

import (
	"encoding/binary"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// TestLyingParquet rewrites footers so that their numbers lie: every file must fail, in little memory.
func TestLyingParquet(t *testing.T) {
	for _, name := range []string{"classlabel", "messages", "flat_plain", "flat_delta"} {
		whole, err := os.ReadFile("testdata/parquet/" + name + ".parquet")
		if err != nil {
			t.Fatal(err)
		}
		for lie, change := range map[string]func(*format.FileMetaData){
			"more rows":       func(m *format.FileMetaData) { m.RowGroups[0].NumRows++ },
			"many rows":       func(m *format.FileMetaData) { m.RowGroups[0].NumRows = 1<<31 - 2 },
			"fewer rows":      func(m *format.FileMetaData) { m.RowGroups[0].NumRows-- },
			"negative rows":   func(m *format.FileMetaData) { m.RowGroups[0].NumRows = -1 },
			"more values":     func(m *format.FileMetaData) { m.RowGroups[0].Columns[0].MetaData.NumValues = 1 << 40 },
			"fewer values":    func(m *format.FileMetaData) { m.RowGroups[0].Columns[0].MetaData.NumValues = 1 },
			"negative values": func(m *format.FileMetaData) { m.RowGroups[0].Columns[0].MetaData.NumValues = -5 },
			"chunk outside": func(m *format.FileMetaData) {
				m.RowGroups[0].Columns[0].MetaData.DataPageOffset = 1 << 50
				m.RowGroups[0].Columns[0].MetaData.DictionaryPageOffset = 0
			},
			"chunk too large": func(m *format.FileMetaData) { m.RowGroups[0].Columns[0].MetaData.TotalCompressedSize = 1 << 50 },
			"chunk cut off":   func(m *format.FileMetaData) { m.RowGroups[0].Columns[0].MetaData.TotalCompressedSize = 30 },
			"other codec":     func(m *format.FileMetaData) { m.RowGroups[0].Columns[0].MetaData.Codec = format.Gzip },
			"other type":      func(m *format.FileMetaData) { m.RowGroups[0].Columns[0].MetaData.Type = format.Double },
			"no columns":      func(m *format.FileMetaData) { m.RowGroups[0].Columns = nil },
			"no schema":       func(m *format.FileMetaData) { m.Schema = nil },
			"more children":   func(m *format.FileMetaData) { m.Schema[0].NumChildren.V = 1 << 30 },
			"a column twice":  func(m *format.FileMetaData) { m.Schema[len(m.Schema)-1].Name = m.Schema[1].Name },
		} {
			if lie == "a column twice" && name != "classlabel" {
				continue
			}
			text := withFooter(t, whole, change)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := loadBytes(text, "parquet")
			runtime.ReadMemStats(&after)
			if err == nil || !strings.HasPrefix(err.Error(), "f: ") {
				t.Errorf("%s with %s: error %v", name, lie, err)
			}
			if got := after.TotalAlloc - before.TotalAlloc; got > 64<<20 {
				t.Errorf("%s with %s: %d bytes allocated", name, lie, got)
			}
		}
		for cut := 0; cut < len(whole); cut += 97 {
			if _, err := loadBytes(whole[:cut], "parquet"); err == nil {
				t.Errorf("%s cut to %d bytes loads", name, cut)
			}
		}
	}
}

// withFooter returns the file with its metadata changed.
func withFooter(t *testing.T, whole []byte, change func(*format.FileMetaData)) []byte {
	t.Helper()
	n := int(binary.LittleEndian.Uint32(whole[len(whole)-8:]))
	body, footer := whole[:len(whole)-8-n], whole[len(whole)-8-n:len(whole)-8]
	meta := new(format.FileMetaData)
	if err := thrift.Unmarshal(new(thrift.CompactProtocol), footer, meta); err != nil {
		t.Fatal(err)
	}
	change(meta)
	footer, err := thrift.Marshal(new(thrift.CompactProtocol), meta)
	if err != nil {
		t.Fatal(err)
	}
	out := append(append([]byte{}, body...), footer...)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(footer)))
	return append(out, "PAR1"...)
}

// A list's header may claim two billion elements: parquet-go would make room for them.
func TestCheckThrift(t *testing.T) {
	for _, b := range [][]byte{
		{0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x07}, // list of 2³¹-1 structs
		{0x18, 0xff, 0xff, 0xff, 0xff, 0x07},       // string of 2³¹-1 bytes
		{0x15},                                     // integer without bytes
		{0x1b, 0x00},                               // a map
		[]byte(strings.Repeat("\x1c", 200)),        // structs in structs
		{0x1c, 0x1c, 0x1c},                         // no end
		append([]byte{0x19, 0xf3, 0xff, 0x7f}, make([]byte, 9)...), // list of 16383 bytes, 9 there
	} {
		if err := checkThrift(b); err == nil {
			t.Errorf("% x passes", b)
		}
	}
	if err := checkThrift([]byte{0x15, 0x02, 0x18, 0x01, 'x', 0x00}); err != nil {
		t.Error(err)
	}
}
