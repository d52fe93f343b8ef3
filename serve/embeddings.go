package serve

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"net/http"
)

// An embeddingRequest is the body of POST /v1/embeddings.
type embeddingRequest struct {
	Model          string `json:"model"`
	Input          inputs `json:"input"`
	EncodingFormat string `json:"encoding_format"`
	Dimensions     *int   `json:"dimensions"`
}

func (q *embeddingRequest) model() string { return q.Model }

func (q *embeddingRequest) check() error {
	if f := q.EncodingFormat; f != "" && f != "float" && f != "base64" {
		return bad("encoding_format", "%.40q is unknown; expected float or base64", f)
	}
	return nil
}

// embeddings answers with the mean of each input's last hidden states, scaled to length 1.
func (s *Server) embeddings(w http.ResponseWriter, r *http.Request) error {
	var q embeddingRequest
	m, ctx, done, err := s.begin(w, r, &q)
	if err != nil {
		return err
	}
	defer done()
	if size := m.parts.Config.HiddenSize; q.Dimensions != nil && *q.Dimensions != size {
		return bad("dimensions", "the model's embeddings have %d", size)
	}
	ids, err := m.inputs("input", q.Input)
	if err != nil {
		return err
	}
	items := make([]*item, len(ids))
	tokens := 0
	for i, x := range ids {
		if len(x) == 0 {
			return bad("input", "input %d is empty", i)
		}
		items[i] = &item{kind: embed, adapter: m.adapter, ids: x}
		tokens += len(x)
	}
	callOf(r).prompt = tokens
	if err := m.engine.compute(ctx, items); err != nil {
		return err
	}
	data := make([]any, len(items))
	for i, x := range items {
		var v any = x.vector
		if q.EncodingFormat == "base64" {
			v = floats64(x.vector)
		}
		data[i] = map[string]any{"object": "embedding", "index": i, "embedding": v}
	}
	return writeJSON(w, http.StatusOK, map[string]any{"object": "list", "model": m.name, "data": data,
		"usage": map[string]int{"prompt_tokens": tokens, "total_tokens": tokens}})
}

// floats64 writes floats, little end first, in base64.
func floats64(v []float32) string {
	b := make([]byte, 0, 4*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return base64.StdEncoding.EncodeToString(b)
}
