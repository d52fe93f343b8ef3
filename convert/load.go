package convert

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hone-ml/hone/model"
	"github.com/hone-ml/hone/nn"
	"github.com/hone-ml/hone/tokenizer"
)

// Load returns the model and its tokenizer in memory, weights in float32.
func (s *Source) Load(ctx context.Context) (*model.Model, *tokenizer.Tokenizer, error) {
	m, tok, err := s.load(ctx)
	if err != nil {
		return nil, nil, s.wrap(err)
	}
	return m, tok, nil
}

func (s *Source) load(ctx context.Context) (*model.Model, *tokenizer.Tokenizer, error) {
	files, err := s.files("float32")
	if err != nil {
		return nil, nil, err
	}
	c, err := model.ParseConfig(files["config.json"])
	if err != nil {
		return nil, nil, err
	}
	tok, err := loadTokenizer(files)
	if err != nil {
		return nil, nil, err
	}
	m, err := model.Zero(c)
	if err != nil {
		return nil, nil, err
	}
	of := map[string]model.Tensor{}
	for _, t := range m.Tensors() {
		of[t.Name] = t
	}
	for _, t := range s.tensors {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		if err := s.fillTensor(of[t.to], t); err != nil {
			return nil, nil, err
		}
	}
	return m, tok, nil
}

// loadTokenizer reads a tokenizer out of files in memory.
func loadTokenizer(files map[string][]byte) (*tokenizer.Tokenizer, error) {
	dir, err := os.MkdirTemp("", "hone-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			return nil, err
		}
	}
	tok, err := tokenizer.LoadFS(os.DirFS(dir))
	if err != nil {
		return nil, fmt.Errorf("the tokenizer makes no sense: %w", err)
	}
	return tok, nil
}

// fillTensor reads a tensor into its place in a model: matrices are [out, in] in both, heads are put in order.
func (s *Source) fillTensor(dst model.Tensor, t tensor) error {
	m := dst.View(dst.P.W)
	if dst.P.Vector {
		v := make([]float32, m.Cols)
		if err := s.f.ReadFloat32(v, t.from); err != nil {
			return err
		}
		for i, x := range v {
			m.Row(0)[t.row(i, m.Cols)] = nn.Float(x)
		}
		return nil
	}
	step := max(1, span/m.Cols)
	v := make([]float32, min(step, m.Rows)*m.Cols)
	for lo := 0; lo < m.Rows; lo += step {
		hi := min(lo+step, m.Rows)
		part := v[:(hi-lo)*m.Cols]
		if err := s.f.ReadFloat32Rows(part, t.from, lo, hi); err != nil {
			return err
		}
		for i := lo; i < hi; i++ {
			row := m.Row(t.row(i, m.Rows))
			for j, x := range part[(i-lo)*m.Cols:][:m.Cols] {
				row[j] = nn.Float(x)
			}
		}
	}
	return nil
}

// row returns Hugging Face's place for row i of so many in the GGUF file: in heads that were reordered for RoPE, row
// 2k+p is p·dim/2+k there, dim being the rows of a head.
func (t tensor) row(i, rows int) int {
	if t.heads == 0 {
		return i
	}
	dim := rows / t.heads
	return i/dim*dim + i%2*(dim/2) + i%dim/2
}
