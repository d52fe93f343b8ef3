package model

import (
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/hone-ml/hone/nn"
)

// Quantize rounds the matrices of m, learned positions and adapters excepted, to integers of 8 bits with a scale for each 64 of a
// row, and lets go of the floats: a model for inference, in a quarter of the memory, that generates text three times
// as fast. It can't be trained or saved any more. Bits must be 8. On an error, weights that are not finite, m is
// partly quantized and of no use.
func (m *Model) Quantize(bits int) error {
	if bits != 8 {
		return fmt.Errorf("model: can't quantize to %d bits, only to 8", bits)
	}
	// What layers hold: adapters beside them are small and stay as they are.
	var work []func() error
	seen := map[*nn.Param]bool{nil: true, m.Wpe: true}
	for _, slot := range m.Slots() {
		p := *slot
		if seen[p] || p.Vector || p.Quant != nil {
			continue
		}
		seen[p] = true
		work = append(work, func() error {
			if err := p.Quantize(); err != nil {
				return fmt.Errorf("model: %s: %w", p.Name, err)
			}
			return nil
		})
	}
	err := parallel(work)
	debug.FreeOSMemory() // else the floats stay with the process for minutes
	return err
}

// Quantized reports whether m was quantized.
func (m *Model) Quantized() bool { return m.Wte.Quant != nil }

// errQuantized is what everything but inference answers.
var errQuantized = errors.New("model: the weights are 8-bit integers, for inference only: load the model anew")

// WeightBytes returns the memory that the weights take.
func (m *Model) WeightBytes() (n int64) {
	for _, p := range m.Params {
		n += weightBytes(p)
	}
	return n
}

func weightBytes(p *nn.Param) int64 {
	if p.Quant != nil {
		return p.Quant.Bytes()
	}
	return 4 * int64(p.W.Rows) * int64(p.W.Cols)
}
