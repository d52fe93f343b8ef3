package compute_test

import (
	"math"
	"path/filepath"
	"testing"

	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/internal/fixtures"
	"github.com/hone-ml/hone/safetensors"
)

// The maps are those of bitsandbytes, bit by bit, and so are scales and the numbers that codes stand for. Codes are of the
// nearest numbers.
func TestState8EqualsBitsandbytes(t *testing.T) {
	f, err := safetensors.Open(filepath.Join(fixtures.Dir(t, "adamw8bit"), "fixture.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for name, signed := range map[string]bool{"signed": true, "unsigned": false} {
		x := fixtures.Floats[compute.Float](t, f, "quantize."+name)
		s := compute.NewState8(len(x), signed)
		s.Store(x, 0)
		codes, err := f.Bytes("codes." + name)
		if err != nil {
			t.Fatal(err)
		}
		values := fixtures.Floats[compute.Float](t, f, "map."+name)
		identity := compute.State8{Codes: make([]byte, 256), Top: []float32{1}, Signed: signed}
		for i := range identity.Codes {
			identity.Codes[i] = byte(i)
		}
		have := make([]compute.Float, 256)
		identity.Load(have, 0)
		for i, want := range values {
			if have[i] != want {
				t.Errorf("%s: number %d is %v, in bitsandbytes %v", name, i, have[i], want)
			}
		}
		for i, want := range codes {
			got := s.Codes[i]
			if got == want {
				continue
			}
			// On processors bitsandbytes looks numbers up by their upper bits: it is off by up to 2⁻¹⁵ of the largest.
			y := float64(x[i]) / float64(s.Top[i/compute.StateBlock])
			ours, theirs := math.Abs(float64(values[got])-y), math.Abs(float64(values[want])-y)
			if ours > theirs+1e-9 || theirs > ours+1./(1<<15) {
				t.Errorf("%s: element %d, %v of the largest, has the code %d, in bitsandbytes %d", name, i, y, got, want)
			}
		}
		for i, want := range fixtures.Floats[compute.Float](t, f, "absmax."+name) {
			if s.Top[i] != float32(want) {
				t.Errorf("%s: the largest of block %d is %v, in bitsandbytes %v", name, i, s.Top[i], want)
			}
		}
		copy(s.Codes, codes)
		got := make([]compute.Float, len(x))
		s.Load(got, 0)
		for i, want := range fixtures.Floats[compute.Float](t, f, "dequantized."+name) {
			if float32(got[i]) != float32(want) {
				t.Errorf("%s: element %d becomes %v, in bitsandbytes %v", name, i, got[i], want)
			}
		}
	}
}
