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
