package export

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"slices"

	"github.com/hone-ml/hone/chat"
	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/generate"
	"github.com/hone-ml/hone/model"
	"github.com/hone-ml/hone/nn"
	"github.com/hone-ml/hone/tokenizer"
)

// texts are read by source and result. They have what tokenizers stumble over.
var texts = []string{
	"The quick brown fox jumps over the lazy dog, and it doesn't look back.",
	"In 1984 the price rose by 12.5% to $3,200; nobody's going to pay that!",
	"def f(x):\n    return x  + 1\n\n\nZwölf Boxkämpfer, naïve café, 北京欢迎你, привет, 🙂\t\t.",
}

// Limits of what the comparison computes.
const (
	probeTokens = 64 // of each text
	probeNew    = 16 // tokens of the continuation
)

// tolerances are how far logits may be off by type: the root mean square of the difference over that of the source's
// logits, each row around its mean. Of SmolLM2-135M they are off by 0.001 (f16), 0.006, 0.03, 0.2 and 0.4; of models that
// have nothing to do with each other, by 1 and more.
var tolerances = map[string]float64{"f32": 0, "f16": 0.02, "bf16": 0.1, "q8_0": 0.15, "q4_K_M": 0.6, "q4_0": 0.75}

// A Report says how a result compares with its source.
type Report struct {
	Bytes     int64   // of the file, or of the folder's files
	Logits    float64 // how far logits are off, relative; see Tolerance
	Tolerance float64 // what was allowed
	Rows      int     // positions that were compared
	Same      int     // of them, those at which the likeliest token is the same
	Prompt    string  // what was continued
	Text      string  // the result's continuation, token after likeliest token
	Want      string  // the source's
}

// A probe is what the source says to the texts.
type probe struct {
	tok    *tokenizer.Tokenizer
	inputs [][]int32 // what the model reads
	logits []compute.Mat
	prompt string
	start  []int32
	said   []int32
}

func newProbe(ctx context.Context, src *Source, d compute.Device) (*probe, error) {
	if src.Model.Quantized() {
		return nil, errors.New("export: the model is rounded to 8 bits already: load it anew")
	}
	p := &probe{tok: src.Tokenizer, inputs: inputs(src)}
	r := src.Model.NewRun(d)
	for _, ids := range p.inputs {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		p.logits = append(p.logits, logits(r, ids))
	}
	p.start = p.inputs[0][:min(4, len(p.inputs[0]))]
	p.prompt = src.Tokenizer.Decode(p.start, false)
	var err error
	p.said, err = continuation(ctx, r, p.start)
	return p, err
}

// samples are the texts, and each added token among words.
func samples(tok *tokenizer.Tokenizer) []string {
	all := slices.Clone(texts)
	for a := range tok.AddedTokens() {
		all = append(all, "a "+a.Content+" b")
	}
	return all
}

// tokenize returns the ids of text with added tokens read as such, and as ordinary text.
func tokenize(tok *tokenizer.Tokenizer, text string) (ids, plain []int32) {
	return tok.Append(nil, text), tok.AppendPlain(nil, text)
}

// inputs returns what the model reads: the texts, or a classifier's prompts, or a turn of a chat.
func inputs(src *Source) (all [][]int32) {
	for _, text := range texts {
		in := src.Tokenizer.AppendPlain(nil, text)
		if v := src.Verbalizer; v != nil {
			in, _ = v.Prompt(text)
		} else if turn, ok := chatTurn(src.Tokenizer, text); ok {
			in = turn
		}
		if n := len(in); n > probeTokens {
			in = in[n-probeTokens:]
		}
		if n, most := len(in), src.Model.Config.MaxPositions; n > most {
			in = in[n-most:]
		}
		if len(in) > 0 {
			all = append(all, in)
		}
	}
	if len(all) == 0 { // a tokenizer to which all of this is nothing
		all = append(all, []int32{0, int32(src.Model.Config.VocabSize - 1)})
	}
	return all
}

// chatTurn returns a user's message in the chat template, if there is one.
func chatTurn(tok *tokenizer.Tokenizer, message string) ([]int32, bool) {
	source := tok.Config().ChatTemplate()
	if source == "" {
		return nil, false
	}
	t, err := chat.Parse(source)
	if err != nil {
		return nil, false
	}
	text, err := t.Render([]chat.Message{{Role: "user", Content: message}}, chat.Options{AddGenerationPrompt: true, SpecialTokens: tok.Config().SpecialTokens})
	return tok.Append(nil, text), err == nil
}

// logits returns the scores at each position, [len(ids), V].
func logits(r *model.Run, ids []int32) compute.Mat {
	s := nn.Seqs{Cu: []int32{0, int32(len(ids))}, Longest: len(ids)}
	for i := range ids {
		s.Pos = append(s.Pos, int32(i))
	}
	l := r.Logits(r.Hidden(ids, s, nil, nil))
	out := compute.NewMat(l.Rows, l.Cols)
	out.Copy(l)
	return out
}

// continuation returns what follows ids, the likeliest token each time.
func continuation(ctx context.Context, r *model.Run, ids []int32) ([]int32, error) {
	g := generate.Generator{Run: r}
	n := probeNew
	if r.Config.Rope == nil {
		n = min(n, r.Config.MaxPositions-len(ids))
	}
	if n < 1 {
		return nil, nil
	}
	answers, err := g.Generate(ctx, [][]int32{ids}, generate.Config{MaxNewTokens: &n, DoSample: new(false)})
	if err != nil {
		return nil, err
	}
	return slices.Clone(answers[0][0].IDs()), nil
}

// compare returns an error if m is not the source's model within the tolerance.
func (p *probe) compare(ctx context.Context, m *model.Model, tok *tokenizer.Tokenizer, tolerance float64, o *Options) (*Report, error) {
	if o.mangle != nil {
		o.mangle(m)
	}
	for _, text := range samples(p.tok) {
		want, wantPlain := tokenize(p.tok, text)
		got, plain := tokenize(tok, text)
		if !slices.Equal(got, want) || !slices.Equal(plain, wantPlain) {
			return nil, fmt.Errorf("export: the tokenizer came back another: %q is %v or %v, in the source %v or %v; nothing was kept", text, got, plain, want, wantPlain)
		}
	}
	c := &Report{Tolerance: tolerance, Prompt: p.prompt}
	r := m.NewRun(o.Device)
	var diff, size float64
	for i, ids := range p.inputs {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		got := logits(r, ids)
		for k := range got.Rows {
			d, s, same := distance(got.Row(k), p.logits[i].Row(k))
			diff, size = diff+d, size+s
			if c.Rows++; same {
				c.Same++
			}
		}
		o.progress("comparing")(int64(i+1), int64(len(p.inputs)))
	}
	if c.Logits = math.Sqrt(diff / size); diff == 0 {
		c.Logits = 0
	}
	said, err := continuation(ctx, r, p.start)
	if err != nil {
		return nil, err
	}
	c.Text, c.Want = tok.Decode(said, false), tok.Decode(p.said, false)
	if !(c.Logits <= tolerance) {
		// Either it is wrong or the type is too coarse; the finer types tell.
		return nil, fmt.Errorf("export: what was written is another model: logits are off by %.2g, where %.2g is normal for this type, and %q goes on with %q instead of %q; nothing was kept. A finer type (bf16, f32) tells whether the model can't bear the rounding", c.Logits, tolerance, c.Prompt, c.Text, c.Want)
	}
	if tolerance == 0 && c.Text != c.Want {
		return nil, fmt.Errorf("export: what was written is another model: %q goes on with %q instead of %q; nothing was kept", c.Prompt, c.Text, c.Want)
	}
	return c, nil
}

// distance returns the squared difference of two rows of logits, each around its mean, the squared size of the second,
// and whether both have their greatest at the same place.
func distance(a, b []compute.Float) (diff, size float64, same bool) {
	var meanA, meanB float64
	topA, topB := 0, 0
	for i := range a {
		meanA, meanB = meanA+float64(a[i]), meanB+float64(b[i])
		if a[i] > a[topA] {
			topA = i
		}
		if b[i] > b[topB] {
			topB = i
		}
	}
	meanA, meanB = meanA/float64(len(a)), meanB/float64(len(b))
	for i := range a {
		x, y := float64(a[i])-meanA, float64(b[i])-meanB
		diff, size = diff+(x-y)*(x-y), size+y*y
	}
	return diff, size, topA == topB
}

// size fills in the bytes at path.
func (c *Report) size(path string) error {
	return filepath.WalkDir(path, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			c.Bytes += info.Size()
		}
		return err
	})
}

// String is the comparison for people.
func (c *Report) String() string {
	if c.Tolerance == 0 {
		return fmt.Sprintf("logits equal to the bit at %d positions", c.Rows)
	}
	return fmt.Sprintf("logits off by %.2g, of %.2g allowed for the type; the likeliest token the same at %d of %d positions", c.Logits, c.Tolerance, c.Same, c.Rows)
}
