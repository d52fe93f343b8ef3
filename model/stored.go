package model

import (
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/nn"
	"github.com/hone-ml/hone/safetensors"
)

// Auto is the dtype that leaves weights as the file has them, as in transformers: bfloat16 where it has that, else
// float32.
const Auto = "auto"

// LoadFrozen is Load of weights that are not to be written to: for inference, and for training adapters on them. They are
// held as dtype says: float32, bfloat16, int8, int4 or Auto. Where the file has matrices so, row by row, they stay in the
// file, which is mapped and must not be truncated; what has to be made of it is made piece by piece, so that the model
// is never whole in float32. With int4, embeddings and head, on which every token's loss hangs directly, are int8.
func LoadFrozen(dir, dtype string) (*Model, error) {
	if err := checkDtype(dtype); err != nil {
		return nil, err
	}
	m, f, err := openModel(dir)
	if err != nil {
		return nil, err
	}
	names, unused, err := m.match(f, dir)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	m.Unused, m.frozen, m.mapped = unused, true, f
	parts := map[*nn.Param][]part{}
	for i, t := range m.tensors {
		info, _ := f.Info(names[i])
		parts[t.P] = append(parts[t.P], part{t, info})
	}
	var work []func() error
	var scratch sync.Pool // of *compute.Mat: else what is read piece by piece is garbage several times the model's size
	for _, p := range m.Params {
		work = append(work, func() error { return m.place(p, parts[p], m.storage(p, parts[p], dtype), &scratch) })
	}
	if err := parallel(work); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	for i, t := range m.tensors { // again: reading its neighbours has brought pages back, which may be of 2 MB
		if !t.P.Mapped {
			f.Forget(names[i])
		}
	}
	return m, nil
}

// Close lets go of the file that LoadFrozen mapped; the model is of no use after it. Others need no Close.
func (m *Model) Close() error {
	if m.mapped == nil {
		return nil
	}
	return m.mapped.Close()
}

// Own copies what lies in the file that LoadFrozen mapped into memory, and lets go of the file: others may then write to
// it or remove it.
func (m *Model) Own() error {
	if m.mapped == nil {
		return nil
	}
	f := m.mapped
	names, _, err := m.match(f, "the mapped file")
	if err != nil {
		return err
	}
	for i, t := range m.tensors {
		p := t.P
		if !p.Mapped {
			continue
		}
		if p.Stored != nil {
			p.Stored.Data = slices.Clone(p.Stored.Data)
		} else {
			p.W.Data = slices.Clone(p.W.Data)
		}
		p.Mapped = false
		f.Forget(names[i]) // else the file would be in memory beside its copy
	}
	m.mapped = nil
	return f.Close()
}

// A part is a tensor of the table and what the file says of it.
type part struct {
	Tensor
	file safetensors.Info
}

// storage says how to hold p, made of parts, where dtype is wanted for the model.
func (m *Model) storage(p *nn.Param, parts []part, dtype string) compute.Storage {
	if p.Vector || p == m.Wpe {
		return compute.Float32
	}
	if dtype == Auto {
		for _, t := range parts {
			if t.file.Dtype != safetensors.BF16 {
				return compute.Float32
			}
		}
		return compute.BFloat16
	}
	s, _ := compute.ParseStorage(dtype)
	if s == compute.Int4 && (p == m.Wte || p == m.Head.W) {
		return compute.Int8
	}
	return s
}

// place gives p its weights, which the file has in parts.
func (m *Model) place(p *nn.Param, parts []part, s compute.Storage, scratch *sync.Pool) error {
	if p.Mapped = len(parts) == 1 && !parts[0].Transpose && m.view(p, parts[0].file, s); p.Mapped {
		return nil
	}
	if s == compute.Float32 {
		p.W = compute.NewMat(p.W.Rows, p.W.Cols)
	} else {
		stored := compute.NewStored(s, p.W.Rows, p.W.Cols)
		p.Stored = &stored
	}
	for _, t := range parts {
		if err := t.read(m.mapped, t.file.Name, scratch); err != nil {
			return fmt.Errorf("model: %s: %w", t.file.Name, err)
		}
		m.mapped.Forget(t.file.Name)
	}
	return nil
}

// view makes p what the file has, if that is s already, and reports whether it is. A vector isn't left there: the page that it
// would keep in memory may be of 2 MB.
func (m *Model) view(p *nn.Param, file safetensors.Info, s compute.Storage) bool {
	switch {
	case p.Vector:
		return false
	case s == compute.BFloat16 && file.Dtype == safetensors.BF16:
		b, err := m.mapped.Bytes(file.Name)
		if err != nil {
			return false
		}
		p.Stored = &compute.Stored{Type: s, Rows: p.W.Rows, Cols: p.W.Cols, Data: b}
		return true
	case s == compute.Float32 && file.Dtype == safetensors.F32:
		v, ok := m.mapped.Floats(file.Name)
		if !ok {
			return false
		}
		p.W.Data, ok = any(v).([]nn.Float)
		return ok
	}
	return false
}

// readStored fills the tensor's rows of a stored parameter, some at a time unless the file has them as columns.
func (t Tensor) readStored(f *safetensors.File, name string, scratch *sync.Pool) error {
	rows, cols := t.Hi-t.Lo, t.P.W.Cols
	step := min(rows, 64)
	if t.Transpose {
		step = rows
	}
	all, _ := scratch.Get().(*compute.Mat)
	if all == nil || cap(all.Data) < step*cols {
		all = new(compute.NewMat(step, cols))
	}
	all.Data, all.Rows, all.Cols, all.Stride = all.Data[:step*cols], step, cols, cols
	defer scratch.Put(all)
	for lo := 0; lo < rows; lo += step {
		some := all.RowSpan(0, min(step, rows-lo))
		var err error
		if t.Transpose {
			err = t.readInto(some, f, name)
		} else {
			err = readFloats(some.Flat(), func(v []float32) error { return f.ReadFloat32Rows(v, name, lo, lo+some.Rows) })
		}
		if err != nil {
			return err
		}
		if !t.Transpose {
			f.ForgetRows(name, lo, lo+some.Rows)
		}
		for i := range some.Rows {
			if err := t.P.Stored.SetRow(t.Lo+lo+i, some.Row(i)); err != nil {
				return err
			}
		}
	}
	return nil
}

// Freeze holds the matrices of m, learned positions and adapters excepted, as dtype says, rounded as LoadFrozen rounds them, and
// lets go of what they were: bfloat16 is half of the memory, int8 a quarter and generates text three times as fast. The
// weights are frozen. On an error, weights that are not finite, m is partly rounded and of no use.
func (m *Model) Freeze(dtype string) error {
	if err := checkDtype(dtype); err != nil {
		return err
	}
	m.frozen = true
	if dtype == Auto {
		return nil
	}
	// What layers hold: adapters beside them are small and stay as they are.
	var work []func() error
	seen := map[*nn.Param]bool{nil: true}
	for _, slot := range m.Slots() {
		p := *slot
		if seen[p] {
			continue
		}
		seen[p] = true
		work = append(work, func() error {
			if err := round(p, m.storage(p, nil, dtype)); err != nil {
				return fmt.Errorf("model: %s: %w", p.Name, err)
			}
			return nil
		})
	}
	err := parallel(work)
	debug.FreeOSMemory() // else the floats stay with the process for minutes
	return err
}

// round holds p as s, unless it is in integers already.
func round(p *nn.Param, s compute.Storage) error {
	switch t := p.Storage(); {
	case t == s || t == compute.Int8 || t == compute.Int4:
	case s == compute.Float32:
		p.W, p.Stored, p.Mapped = p.Floats(), nil, false
	default:
		stored := compute.NewStored(s, p.W.Rows, p.W.Cols)
		row := make([]nn.Float, p.W.Cols)
		for i := range p.W.Rows {
			if err := stored.SetRow(i, p.Row(row, i)); err != nil {
				return err
			}
		}
		p.Stored, p.W.Data, p.Mapped = &stored, nil, false
	}
	return nil
}

func checkDtype(dtype string) error {
	if dtype == Auto {
		return nil
	}
	if _, err := compute.ParseStorage(dtype); err != nil {
		return fmt.Errorf("model: %w, or %s", err, Auto)
	}
	return nil
}

// Storage returns how the matrices of the blocks are held.
func (m *Model) Storage() compute.Storage {
	if len(m.Stack.Blocks) == 0 {
		return m.Wte.Storage()
	}
	return m.Stack.Blocks[0].Attn.QKV.W.Storage()
}

// Frozen reports whether the weights that m was loaded with must not be written to. Those that adapters bring may be.
func (m *Model) Frozen() bool { return m.frozen }

// Quantized reports whether weights are integers, which are not what was loaded and can't be saved.
func (m *Model) Quantized() bool {
	s := m.Wte.Storage()
	return s == compute.Int8 || s == compute.Int4
}

// errFrozen is what everything that would write to frozen weights answers.
var errFrozen = errors.New("model: the weights are frozen, for inference and for training adapters: load the model anew")

// OwnBytes is WeightBytes without those that lie in a mapped file.
func (m *Model) OwnBytes() (n int64) {
	for _, p := range m.Params {
		if !p.Mapped {
			n += p.Bytes()
		}
	}
	return n
}

// WeightBytes returns the memory that the weights take, mapped or not.
func (m *Model) WeightBytes() (n int64) {
	for _, p := range m.Params {
		n += p.Bytes()
	}
	return n
}
