// Package tokenizer turns text into token ids and back, with the ids of the reference library (Hugging Face
// tokenizers) on every string.
//
// It reads tokenizer.json with a BPE model: the byte-level kind of GPT-2, Llama 3, Qwen and SmolLM, and the
// SentencePiece kind of Llama 2 and Mistral (▁ for spaces, bytes as a fallback); and GPT-2's older pair of vocab.json
// and merges.txt. Text is UTF-8; what is not valid UTF-8 is read as U+FFFD, as Python does with errors="replace".
//
// A Tokenizer never changes, so that any number of goroutines may use one; AddTokens and AddSpecialTokens return
// another one.
package tokenizer

import (
	"iter"
)

// A Tokenizer is one tokenizer.json with the settings of its tokenizer_config.json. It is safe for concurrent use.
type Tokenizer struct {
	model  *bpe
	norm   normalizer // or nil
	stages []stage
	scans  []scanner // the stages, when all of them are scanners: the fast path
	added  *addedTokens
	post   postProcessor
	dec    decoder

	byteLevel bool // dec is ByteLevel and nothing else
	config    Config
	files     files
}

// VocabSize returns the number of tokens, added ones included, as Python's len(tokenizer) does. Where the ids have
// gaps, MaxID is larger.
func (t *Tokenizer) VocabSize() int {
	n := t.model.vocab.n
	for _, a := range t.added.list {
		if t.model.vocab.id(a.Content) < 0 {
			n++
		}
	}
	return n
}

// MaxID returns the largest id; an embedding needs a row for each id from 0 to it.
func (t *Tokenizer) MaxID() int32 {
	n := int32(len(t.model.vocab.at)) - 1
	if k := len(t.added.list); k > 0 {
		n = max(n, t.added.list[k-1].ID)
	}
	return n
}

// TokenToID returns the id of a token as it is written in the vocabulary ("Ġhello"), or -1.
func (t *Tokenizer) TokenToID(token string) int32 {
	if id, ok := t.added.ids[token]; ok {
		return id
	}
	return t.model.vocab.id(token)
}

// IDToToken returns a token as it is written in the vocabulary, or "" for an id that no token has. An added token that
// is looked for in normalized text is normalized itself.
func (t *Tokenizer) IDToToken(id int32) string {
	if _, text, ok := t.added.at(id); ok {
		return text
	}
	token, _ := t.model.vocab.token(id)
	return token
}

// AddedTokens returns the added tokens by ascending id.
func (t *Tokenizer) AddedTokens() iter.Seq[AddedToken] {
	return func(yield func(AddedToken) bool) {
		for _, a := range t.added.list {
			if !yield(a) {
				return
			}
		}
	}
}

// Config returns the settings that came with the tokenizer.
func (t *Tokenizer) Config() Config { return t.config }

// BOS returns the id of the token that begins a sequence, or -1 where the tokenizer has none.
func (t *Tokenizer) BOS() int32 { return t.special("bos_token") }

// EOS returns the id of the token that ends a sequence, or -1.
func (t *Tokenizer) EOS() int32 { return t.special("eos_token") }

// PAD returns the id of the token that fills up short rows, or -1.
func (t *Tokenizer) PAD() int32 { return t.special("pad_token") }

// UNK returns the id of the token for what the vocabulary lacks, or -1.
func (t *Tokenizer) UNK() int32 { return t.special("unk_token") }

func (t *Tokenizer) special(name string) int32 {
	if token, ok := t.config.SpecialTokens[name]; ok {
		return t.TokenToID(token)
	}
	return -1
}

// Append appends the ids of text. Added and special tokens that stand in the text become their ids; none are put
// around it. It is the fast way to tokenize: words that were seen before come out of a cache.
//
// A regular expression of tokenizer.json that has no scanner here may run into its time limit on hostile text; Append
// then takes what is left of the piece as one word, where Encode returns the error.
func (t *Tokenizer) Append(ids []int32, text string) []int32 {
	return t.append(ids, text, false)
}

// AppendPlain is Append for text that must not control the model: whatever looks like an added or special token is
// ordinary text.
func (t *Tokenizer) AppendPlain(ids []int32, text string) []int32 {
	return t.append(ids, text, true)
}

func (t *Tokenizer) append(ids []int32, s string, plain bool) []int32 {
	t.pieces(valid(s, false), plain, false, func(p text, token *AddedToken) error {
		switch {
		case token != nil:
			ids = append(ids, token.ID)
		case t.scans != nil:
			ids = t.appendScanned(ids, p.s, t.scans)
		default:
			done := 0
			err := t.words(p, t.stages, false, func(word text) error {
				ids = t.model.appendWord(ids, word.s)
				done += len(word.s)
				return nil
			})
			if err != nil {
				ids = t.model.appendWord(ids, p.s[min(done, len(p.s)):])
			}
		}
		return nil
	})
	return ids
}

func (t *Tokenizer) appendScanned(ids []int32, s string, scans []scanner) []int32 {
	scan, rest := scans[0], scans[1:]
	for i := 0; i < len(s); {
		j := scan(s, i)
		if len(rest) == 0 {
			ids = t.model.appendWord(ids, s[i:j])
		} else {
			ids = t.appendScanned(ids, s[i:j], rest)
		}
		i = j
	}
	return ids
}

// pieces cuts s at its added tokens and normalizes what lies between. With plain there are no added tokens.
func (t *Tokenizer) pieces(s text, plain, track bool, emit func(text, *AddedToken) error) error {
	if plain {
		s, err := t.normalize(s, track)
		if err != nil {
			return err
		}
		return emit(s, nil)
	}
	return t.added.split(t.added.raw, s.s, func(i, j int, token *AddedToken) error {
		piece := s.cut(i, j)
		if token != nil {
			return emit(piece, token)
		}
		piece, err := t.normalize(piece, track)
		if err != nil {
			return err
		}
		return t.added.split(t.added.clean, piece.s, func(i, j int, token *AddedToken) error {
			return emit(piece.cut(i, j), token)
		})
	})
}

func (t *Tokenizer) normalize(s text, track bool) (text, error) {
	if t.norm == nil {
		return s, nil
	}
	return t.norm(s, track)
}

// words runs a piece through the stages, one within the other.
func (t *Tokenizer) words(piece text, stages []stage, track bool, emit func(text) error) error {
	if piece.s == "" {
		return nil
	}
	if len(stages) == 0 {
		return emit(piece)
	}
	first, rest := stages[0], stages[1:]
	if first.split != nil {
		return first.split(piece, track, func(p text) error { return t.words(p, rest, track, emit) })
	}
	for i := 0; i < len(piece.s); {
		j := first.scan(piece.s, i)
		if err := t.words(piece.cut(i, j), rest, track, emit); err != nil {
			return err
		}
		i = j
	}
	return nil
}
