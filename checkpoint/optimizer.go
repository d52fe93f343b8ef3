package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/optim"
	"github.com/hone-ml/hone/safetensors"
)

// ErrNoMoments says that a checkpoint has no moments that hone can read.
var ErrNoMoments = errors.New("no optimizer state")

// writeOptimizer writes the moments, exp_avg.NAME and exp_avg_sq.NAME by parameter, as optimizer.safetensors.
func writeOptimizer(path string, o *optim.AdamW) error {
	var tensors []safetensors.Tensor
	for _, p := range o.Params() {
		shape := []int{p.W.Rows, p.W.Cols}
		add := func(kind string, m compute.Mat) {
			tensors = append(tensors, safetensors.Tensor{Name: kind + "." + p.Name, Dtype: safetensors.F32, Shape: shape,
				Data: func(e *safetensors.Encoder) error { return e.Float32(float32s(m)) }})
		}
		if o.In8Bits(p.Index) {
			tensors = append(tensors, state8("exp_avg."+p.Name, o.M8[p.Index])...)
			tensors = append(tensors, state8("exp_avg_sq."+p.Name, o.V8[p.Index])...)
			continue
		}
		add("exp_avg", o.M[p.Index])
		add("exp_avg_sq", o.V[p.Index])
	}
	return safetensors.Write(path, tensors, map[string]string{"step": strconv.Itoa(o.Step)})
}

// LoadOptimizer fills the moments and the step of o, whose parameters must be those of the checkpoint. Where
// there is no optimizer.safetensors the error is ErrNoMoments.
func (s *Saved) LoadOptimizer(o *optim.AdamW) error {
	path := filepath.Join(s.Dir, optimizerFile)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return ErrNoMoments
	}
	f, err := safetensors.Open(path)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	defer f.Close()
	step, err := strconv.Atoi(f.Metadata()["step"])
	if err != nil || step < 0 {
		return fmt.Errorf("checkpoint: %s: step is %q; expected a number", path, f.Metadata()["step"])
	}
	read := 0
	for _, p := range o.Params() {
		if o.In8Bits(p.Index) {
			if err := errors.Join(read8(f, "exp_avg."+p.Name, o.M8[p.Index]), read8(f, "exp_avg_sq."+p.Name, o.V8[p.Index])); err != nil {
				return fmt.Errorf("checkpoint: %s: %w", path, err)
			}
			read += 4
			continue
		}
		for kind, m := range map[string]compute.Mat{"exp_avg": o.M[p.Index], "exp_avg_sq": o.V[p.Index]} {
			name := kind + "." + p.Name
			info, ok := f.Info(name)
			if !ok {
				return fmt.Errorf("checkpoint: %s has no %s: another set of weights was trained then; train the same, or start anew from the model in %s", path, name, s.Dir)
			}
			if want := []int{p.W.Rows, p.W.Cols}; !slices.Equal(info.Shape, want) {
				return fmt.Errorf("checkpoint: %s: %s has shape %v, but the model's weight has %v: it is another model's", path, name, info.Shape, want)
			}
			v := float32s(m)
			if err := f.ReadFloat32(v, name); err != nil {
				return fmt.Errorf("checkpoint: %w", err)
			}
			assign(m, v)
			read++
		}
	}
	if n := len(f.Names()); n != read {
		return fmt.Errorf("checkpoint: %s has moments of %d weights, but %d are trained now; train the same, or start anew from the model in %s", path, n/2, read/2, s.Dir)
	}
	o.Step = step
	return nil
}

// float32s returns the elements of a dense matrix, shared where they are float32.
func float32s(m compute.Mat) []float32 {
	if v, ok := any(m.Flat()).([]float32); ok {
		return v
	}
	v := make([]float32, len(m.Flat()))
	for i, x := range m.Flat() {
		v[i] = float32(x)
	}
	return v
}

// assign copies v to m, unless they share memory.
func assign(m compute.Mat, v []float32) {
	if _, shared := any(m.Flat()).([]float32); shared {
		return
	}
	for i, x := range v {
		m.Flat()[i] = compute.Float(x)
	}
}

// absmax is what the name of the scales of 8-bit moments ends in.
const absmax = ".absmax"

// state8 returns the two tensors of moments in 8 bits: codes and scales.
func state8(name string, s compute.State8) []safetensors.Tensor {
	return []safetensors.Tensor{
		safetensors.Raw(name, safetensors.U8, []int{len(s.Codes)}, s.Codes),
		safetensors.Float32(name+absmax, safetensors.F32, []int{len(s.Top)}, s.Top),
	}
}

// read8 fills s.
func read8(f *safetensors.File, name string, s compute.State8) error {
	info, ok := f.Info(name)
	if !ok || info.Dtype != safetensors.U8 || info.Size != len(s.Codes) {
		return fmt.Errorf("%s is not there in 8 bits, with %d elements: another optimizer or other weights were trained; go on with the same optim", name, len(s.Codes))
	}
	codes, err := f.Bytes(name)
	if err != nil {
		return err
	}
	copy(s.Codes, codes)
	return f.ReadFloat32(s.Top, name+absmax)
}
