package model

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/hone-ml/hone/internal/disk"
	"github.com/hone-ml/hone/nn"
	"github.com/hone-ml/hone/safetensors"
)

// Save writes config.json, generation_config.json and the weights in float32 (bfloat16, if they are trained in that)
// to dir, which must exist, so that transformers loads them. Each file is written whole or not at all.
func (m *Model) Save(dir string) error {
	if m.bf16 {
		return m.SaveAs(dir, safetensors.BF16)
	}
	return m.SaveAs(dir, safetensors.F32)
}

// SaveAs is Save with weights rounded to dtype: F32, F16 or BF16.
func (m *Model) SaveAs(dir string, dtype safetensors.Dtype) error {
	if m.Quantized() {
		return errFrozen
	}
	var tensors []safetensors.Tensor
	for _, t := range m.tensors {
		tensors = append(tensors, t.Entry(dtype))
	}
	if err := safetensors.WriteDir(dir, tensors, map[string]string{"format": "pt"}, 0); err != nil {
		return err
	}
	m.announce(dtype)
	config, err := m.Config.JSON()
	if err != nil {
		return fmt.Errorf("model: config.json: %w", err)
	}
	if err := writeFile(filepath.Join(dir, "config.json"), config); err != nil {
		return err
	}
	generation, ok := m.files["generation_config.json"]
	if !ok {
		if generation, err = m.Config.generation(); err != nil {
			return fmt.Errorf("model: generation_config.json: %w", err)
		}
	}
	return writeFile(filepath.Join(dir, "generation_config.json"), generation)
}

func writeFile(path string, b []byte) error {
	return disk.WriteFile(path, func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
}

// announce makes config.json tell the type of the weights and the architecture, in the spelling that it has.
func (m *Model) announce(dtype safetensors.Dtype) {
	name := map[safetensors.Dtype]string{safetensors.F32: "float32", safetensors.F16: "float16", safetensors.BF16: "bfloat16"}[dtype]
	key := "dtype"
	if _, old := m.Config.raw["torch_dtype"]; old {
		key = "torch_dtype"
	}
	m.Config.set(key, name)
	m.Config.set("architectures", []string{map[string]string{"gpt2": "GPT2LMHeadModel", "llama": "LlamaForCausalLM",
		"mistral": "MistralForCausalLM", "qwen2": "Qwen2ForCausalLM", "qwen3": "Qwen3ForCausalLM"}[m.Config.ModelType]})
}

// generation returns a generation_config.json as transformers derives it from config.json.
func (c *Config) generation() ([]byte, error) {
	g := map[string]any{"_from_model_config": true}
	for _, key := range []string{"bos_token_id", "eos_token_id", "pad_token_id", "transformers_version"} {
		if v, ok := c.raw[key]; ok && strings.TrimSpace(string(v)) != "null" {
			g[key] = v
		}
	}
	b, err := json.MarshalIndent(g, "", "  ")
	return append(b, '\n'), err
}

// write streams the tensor's elements in the order of the file, some rows of that at a time.
func (t Tensor) write(e *safetensors.Encoder) error {
	const most = 64
	w := t.View(t.P.W)
	if !t.Transpose && t.P.Stored == nil {
		return writeFloats(e, w.Flat())
	}
	row := func(dst []nn.Float, i, lo int) { // elements of row i of w from column lo on
		if t.P.Stored != nil {
			t.P.Stored.Part(dst, t.Lo+i, lo)
		} else {
			copy(dst, w.Row(i)[lo:])
		}
	}
	if !t.Transpose {
		part := make([]nn.Float, most*w.Cols)
		for lo := 0; lo < w.Rows; lo += most {
			n := min(most, w.Rows-lo)
			for i := range n {
				row(part[i*w.Cols:][:w.Cols], lo+i, 0)
			}
			if err := writeFloats(e, part[:n*w.Cols]); err != nil {
				return err
			}
		}
		return nil
	}
	// A line of each row of the file at a time, of 16 rows of w: rows of the file are often a multiple of 4 KiB apart, where the
	// nearest cache holds no more than a dozen of them at once.
	const line = 16
	part, some := make([]nn.Float, most*w.Rows), make([]nn.Float, line*most)
	for lo := 0; lo < w.Cols; lo += most {
		n := min(most, w.Cols-lo)
		for j := 0; j < w.Rows; j += line {
			m := min(line, w.Rows-j)
			for k := range m {
				row(some[k*most:][:n], j+k, lo)
			}
			for i := range n {
				dst := part[i*w.Rows+j:][:m]
				for k := range dst {
					dst[k] = some[k*most+i]
				}
			}
		}
		if err := writeFloats(e, part[:n*w.Rows]); err != nil {
			return err
		}
	}
	return nil
}

func writeFloats(e *safetensors.Encoder, v []nn.Float) error {
	if f, ok := any(v).([]float32); ok {
		return e.Float32(f)
	}
	f := make([]float32, len(v))
	for i, x := range v {
		f[i] = float32(x)
	}
	return e.Float32(f)
}
