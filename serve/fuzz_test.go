package serve

import (
	"errors"
	"testing"

	"github.com/hone-ml/hone"
	"github.com/hone-ml/hone/tokenizer"
)

func tokenizerOf(t testing.TB) *tokenizer.Tokenizer {
	t.Helper()
	tok, err := tokenizer.Load("../tokenizer/testdata/gpt2")
	check(t, err)
	return tok
}

// Whatever a client sends is a request or an error of the client's that says so.
func FuzzRequests(f *testing.F) {
	for _, s := range []string{
		`{"model": "m", "prompt": "a", "stop": ["a", "b"], "logit_bias": {"3": -1}, "stream_options": {"include_usage": true}}`,
		`{"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": [{"type": "text", "text": "b"}]}], "top_logprobs": 3, "logprobs": true}`,
		`{"input": [[1, 2], [3]], "dimensions": 4}`, `{"input": [1, 2]}`, `{"input": ["a", null]}`, `{"prompt": null, "n": 0}`,
		`{"prompt": "a", "options": {"seed": -1, "stop": "x", "temperature": 1e300}, "format": {"type": "object"}, "images": []}`,
		`{"messages": [{"content": {"a": 1}}]}`, `[]`, `1`, `{"temperature": "a"}`, `{"tools": [{"a": [[[[]]]]}]}`, "{\"prompt\": \"\xff\"}",
	} {
		f.Add([]byte(s))
	}
	m := &served{engine: &engine{vocab: 100, context: 50}, parts: &hone.Parts{}}
	f.Fuzz(func(t *testing.T, b []byte) {
		var chat chatRequest
		var text completionRequest
		var vector embeddingRequest
		var class classifyRequest
		var other ollamaRequest
		for _, err := range []error{
			parse(b, &chat), chat.check(), second(chat.request(m)),
			parse(b, &text), text.check(), second(text.request(m)),
			parse(b, &vector), parse(b, &class),
			parse(b, &other), other.check(), third(other.Options.request(m)),
		} {
			var e *apiError
			if err != nil && (!errors.As(err, &e) || e.Status != 400 || e.Message == "") {
				t.Errorf("%q: %v", b, err)
			}
		}
		if len(text.Prompt.texts) > 0 && len(text.Prompt.ids) > 0 {
			t.Errorf("%q has both texts and tokens", b)
		}
	})
}

func second[T any](_ T, err error) error        { return err }
func third[T, U any](_ T, _ U, err error) error { return err }
