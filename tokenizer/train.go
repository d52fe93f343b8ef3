package tokenizer

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"slices"
	"unicode/utf8"
)

// TrainOptions are those of the reference's BpeTrainer, by name. The zero value trains as it does by default, with all
// 256 bytes as the initial alphabet, so that the tokenizer can write any text.
type TrainOptions struct {
	VocabSize    int // tokens in all, with the special ones and the alphabet; 0 is 30000
	MinFrequency int // pairs that occur less often are not merged
	// SpecialTokens get the first ids, in this order. Train looks for none of them in the texts.
	SpecialTokens []string
	// Pattern cuts text into words, across which nothing merges: "gpt2" or "", "llama3", "qwen2", or a regular
	// expression whose matches become words, and what lies between them too.
	Pattern string
	// LimitAlphabet, above 0, makes the alphabet of the most frequent bytes in the texts instead, at most this many.
	// Of bytes that are equally frequent the first in the alphabet's order stay. All others vanish from texts.
	LimitAlphabet int
	// MaxTokenLength, above 0, is max_token_length: tokens of three bytes and more must be shorter than this.
	MaxTokenLength int
	// MaxWords, above 0, bounds memory: whenever more distinct words have been counted, the rarer ones are forgotten
	// until half of that number is left. The merges are the reference's only as long as that doesn't happen.
	MaxWords int
	// Progress, if not nil, is called now and then, on the goroutine that called Train.
	Progress func(TrainProgress)
}

// A TrainProgress tells how far Train is: first it reads all texts, then it merges.
type TrainProgress struct {
	Bytes     int64 // of text, read so far
	Words     int   // distinct ones
	Forgotten int   // words that MaxWords pushed out, each as often as that happened
	Tokens    int   // in the vocabulary so far; 0 while texts are read
	VocabSize int   // that Tokens grows to, if the texts have enough to merge
}

const defaultVocabSize = 30000

// Train learns a byte-level BPE tokenizer from texts: the vocabulary and the merges, in order, that the reference's
// BpeTrainer finds, whatever the number of processors. Of pairs that are equally frequent the one with the lower ids
// is merged first. Only distinct words are kept in memory. Invalid UTF-8 is read as U+FFFD.
//
// Counts have 64 bits here and 32 in the reference. The special tokens have no role yet: AddSpecialTokens gives them
// one. Train ends early with the context's error.
func Train(ctx context.Context, texts iter.Seq[string], o TrainOptions) (*Tokenizer, error) {
	t, err := train(ctx, texts, o)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	return t, nil
}

func train(ctx context.Context, texts iter.Seq[string], o TrainOptions) (*Tokenizer, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	pre := preTokenizerFor(o.Pattern)
	var b builder
	if err := b.preTokenizer(pre, 0); err != nil {
		return nil, fmt.Errorf("pattern: %w", err)
	}
	c := wordCounter{stages: b.stages, max: o.MaxWords, progress: o.report}
	if err := c.read(ctx, texts); err != nil {
		return nil, err
	}
	l, err := newLearner(c.words, o)
	if err != nil {
		return nil, err
	}
	done := c.done
	c = wordCounter{} // the learner has its own form of the words
	if err := l.learn(ctx, func(tokens int) {
		done.Tokens, done.VocabSize = tokens, o.VocabSize
		o.report(done)
	}); err != nil {
		return nil, err
	}
	return l.tokenizer(pre, o.SpecialTokens)
}

// complete sets defaults and refuses what can't be meant.
func (o *TrainOptions) complete() error {
	if o.VocabSize == 0 {
		o.VocabSize = defaultVocabSize
	}
	if o.VocabSize < 0 || o.VocabSize > maxID+1 {
		return fmt.Errorf("vocab_size %d is outside 1 to %d", o.VocabSize, maxID+1)
	}
	for _, x := range []struct {
		name string
		n    int
	}{{"min_frequency", o.MinFrequency}, {"limit_alphabet", o.LimitAlphabet}, {"max_token_length", o.MaxTokenLength}, {"max_words", o.MaxWords}} {
		if x.n < 0 {
			return fmt.Errorf("%s %d is negative", x.name, x.n)
		}
	}
	for i, s := range o.SpecialTokens {
		switch {
		case s == "":
			return fmt.Errorf("special token %d is empty", i)
		case !utf8.ValidString(s):
			return fmt.Errorf("special token %q is not valid UTF-8", clip(s))
		case len(s) > maxAddedContent:
			return fmt.Errorf("special token %q has more than %d bytes", clip(s), maxAddedContent)
		case slices.Contains(o.SpecialTokens[:i], s):
			return fmt.Errorf("special token %q is given twice", clip(s))
		}
	}
	return nil
}

func (o *TrainOptions) report(p TrainProgress) {
	if o.Progress != nil {
		o.Progress(p)
	}
}

// preTokenizerFor writes the pre_tokenizer of a pattern for tokenizer.json.
func preTokenizerFor(pattern string) rawJSON {
	byteLevel := dict{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}
	switch pattern {
	case "", "gpt2":
		byteLevel["use_regex"] = true
		return encode(byteLevel)
	case "llama3":
		pattern = patternLlama3
	case "qwen2":
		pattern = patternQwen2
	}
	split := dict{"type": "Split", "pattern": dict{"Regex": pattern}, "behavior": isolated, "invert": false}
	return encode(dict{"type": "Sequence", "pretokenizers": []dict{split, byteLevel}})
}

// tokenizer builds what was learned by way of the files that Save writes, so that it is what Load will read.
func (l *learner) tokenizer(pre rawJSON, special []string) (*Tokenizer, error) {
	added := []AddedToken{}
	for _, s := range special {
		added = append(added, AddedToken{ID: l.ids[s], Content: s, Special: true})
	}
	null := rawJSON("null")
	f := files{
		tokenizer: object{
			{"version", encode("1.0")}, {"truncation", null}, {"padding", null}, {"added_tokens", encode(added)},
			{"normalizer", null}, {"pre_tokenizer", pre}, {"post_processor", null},
			{"decoder", encode(dict{"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true})},
			{"model", l.model()},
		},
		config: object{{"clean_up_tokenization_spaces", encode(false)}, {"tokenizer_class", encode("PreTrainedTokenizerFast")}},
	}
	s, err := parseSettings(f.config.compact(), nil, nil, nil)
	if err != nil {
		return nil, err
	}
	return build(f, s)
}

// model writes the "model" entry of tokenizer.json.
func (l *learner) model() rawJSON {
	var b bytes.Buffer
	b.WriteString(`{"type":"BPE","dropout":null,"unk_token":null,"continuing_subword_prefix":null,"end_of_word_suffix":null,` +
		`"fuse_unk":false,"byte_fallback":false,"ignore_merges":false,"vocab":{`)
	for id, token := range l.tokens {
		if id > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%s:%d", encode(token), id)
	}
	b.WriteString(`},"merges":[`)
	for i, p := range l.merges {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(encode([2]string{l.tokens[p.left], l.tokens[p.right]}))
	}
	b.WriteString("]}")
	return b.Bytes()
}
