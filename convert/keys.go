package convert

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/hone-ml/hone/gguf"
)

// keys reads the metadata of one architecture. The first error stays, so that a row of keys can be read before it is
// looked at.
type keys struct {
	f    *gguf.File
	arch string
	err  error
}

// has reports whether there is ARCH.key.
func (k *keys) has(key string) bool { return k.f.Has(k.arch + "." + key) }

// int returns the number ARCH.key.
func (k *keys) int(key string) int {
	v, err := k.f.Uint(k.arch + "." + key)
	if err == nil && v > math.MaxInt32 {
		err = fmt.Errorf("%s.%s is %d, more than any model has", k.arch, key, v)
	}
	return int(keep(k, v, err))
}

// intOr returns the number ARCH.key, or v if there is no such key.
func (k *keys) intOr(key string, v int) int {
	if !k.has(key) {
		return v
	}
	return k.int(key)
}

// float returns the number ARCH.key.
func (k *keys) float(key string) float64 {
	v, err := k.f.Float(k.arch + "." + key)
	if err == nil && (math.IsNaN(v) || math.IsInf(v, 0)) {
		err = fmt.Errorf("%s.%s is %v, not a finite number", k.arch, key, v)
	}
	return keep(k, v, err)
}

func (k *keys) floatOr(key string, v float64) float64 {
	if !k.has(key) {
		return v
	}
	return k.float(key)
}

// keep returns v, or nothing and keeps the error if it is the first.
func keep[T any](k *keys, v T, err error) (none T) {
	if err == nil {
		return v
	}
	if k.err == nil {
		k.err = err
	}
	return none
}

// shortest writes a number of the file as people wrote it: as float32, 1e-5 is 9.999999747378752e-06.
func shortest(v float64) json.Number {
	bits := 64
	if float64(float32(v)) == v {
		bits = 32
	}
	text := strconv.FormatFloat(v, 'g', -1, bits)
	if !strings.ContainsAny(text, ".e") {
		text += ".0" // an integer is another type to Python
	}
	return json.Number(text)
}

// fail keeps an error.
func (k *keys) fail(format string, a ...any) scaling {
	return keep(k, scaling(nil), fmt.Errorf(format, a...))
}
