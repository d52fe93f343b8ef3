package serve

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
)

// OpenAI's own client for Go does what it does with OpenAI.
func TestOpenAIClient(t *testing.T) {
	_, web := newServer(t, Config{APIKey: "sesame"}, map[string]string{"mood": newModel(t, 1)})
	ctx := context.Background()
	client := openai.NewClient(option.WithBaseURL(web.URL+"/v1"), option.WithAPIKey("sesame"))
	t.Run("models", func(t *testing.T) {
		all, err := client.Models.List(ctx)
		check(t, err)
		one, err := client.Models.Get(ctx, "mood")
		check(t, err)
		if len(all.Data) != 1 || all.Data[0].ID != "mood" || one.OwnedBy != "hone" {
			t.Errorf("%+v, %+v", all.Data, one)
		}
	})
	chat := openai.ChatCompletionNewParams{
		Model:    "mood",
		Messages: []openai.ChatCompletionMessageParamUnion{openai.SystemMessage("Be brief."), openai.UserMessage("Hello")},
		Seed:     openai.Int(7), MaxCompletionTokens: openai.Int(12), Temperature: openai.Float(0.8), TopP: openai.Float(0.9),
		Logprobs: openai.Bool(true), TopLogprobs: openai.Int(2), FrequencyPenalty: openai.Float(0.5),
	}
	whole, err := client.Chat.Completions.New(ctx, chat)
	check(t, err)
	t.Run("chat", func(t *testing.T) {
		c := whole.Choices[0]
		if c.Message.Role != "assistant" || c.FinishReason != "length" || whole.Usage.CompletionTokens != 12 || len(c.Logprobs.Content) != 12 {
			t.Errorf("%+v", whole)
		}
		var text strings.Builder
		for _, p := range c.Logprobs.Content {
			for _, b := range p.Bytes {
				text.WriteByte(byte(b))
			}
			if len(p.TopLogprobs) != 2 || p.Logprob > p.TopLogprobs[0].Logprob || p.Logprob > 0 {
				t.Errorf("%+v", p)
			}
		}
		if strings.ToValidUTF8(text.String(), "\uFFFD") != c.Message.Content && !strings.Contains(c.Message.Content, "\uFFFD") {
			t.Errorf("the tokens are %q, the text is %q", text.String(), c.Message.Content)
		}
	})
	t.Run("stream", func(t *testing.T) {
		streamed := chat
		streamed.StreamOptions.IncludeUsage = openai.Bool(true)
		stream := client.Chat.Completions.NewStreaming(ctx, streamed)
		var all openai.ChatCompletionAccumulator
		for stream.Next() {
			if !all.AddChunk(stream.Current()) {
				t.Fatalf("%+v doesn't belong to the chunks before", stream.Current())
			}
		}
		check(t, stream.Err())
		if got, want := all.Choices[0], whole.Choices[0]; got.Message.Content != want.Message.Content || got.FinishReason != want.FinishReason || all.Usage.TotalTokens != whole.Usage.TotalTokens {
			t.Errorf("streamed %q, %s, %d tokens; whole %q, %s, %d tokens", got.Message.Content, got.FinishReason, all.Usage.TotalTokens, want.Message.Content, want.FinishReason, whole.Usage.TotalTokens)
		}
	})
	t.Run("completions", func(t *testing.T) {
		p := openai.CompletionNewParams{Model: "mood", Prompt: openai.CompletionNewParamsPromptUnion{OfArrayOfStrings: []string{"the film", "a film"}},
			MaxTokens: openai.Int(10), N: openai.Int(2), Seed: openai.Int(1), Echo: openai.Bool(true), Logprobs: openai.Int(1)}
		got, err := client.Completions.New(ctx, p)
		check(t, err)
		if len(got.Choices) != 4 {
			t.Fatalf("%d choices", len(got.Choices))
		}
		for i, c := range got.Choices {
			l, prompt := c.Logprobs, []string{"the film", "a film"}[i/2]
			if c.Index != int64(i) || !strings.HasPrefix(c.Text, prompt) || len(l.Tokens) < 11 || len(l.Tokens) != len(l.TokenLogprobs) || len(l.Tokens) != len(l.TextOffset) {
				t.Errorf("choice %d: %+v", i, c)
			}
		}
	})
	t.Run("embeddings", func(t *testing.T) {
		got, err := client.Embeddings.New(ctx, openai.EmbeddingNewParams{Model: "mood", Input: openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: []string{"one", "two"}}})
		check(t, err)
		for i, d := range got.Data {
			var square float64
			for _, v := range d.Embedding {
				square += v * v
			}
			if d.Index != int64(i) || len(d.Embedding) != 32 || !(square > 0.9999 && square < 1.0001) {
				t.Errorf("embedding %d of length² %g: %v", i, square, d.Embedding)
			}
		}
	})
	t.Run("errors", func(t *testing.T) {
		chat.Model = "nothing"
		_, err := client.Chat.Completions.New(ctx, chat)
		var e *openai.Error
		if !errors.As(err, &e) || e.StatusCode != http.StatusNotFound || e.Code != "model_not_found" || e.Param != "model" {
			t.Errorf("%v", err)
		}
		stranger := openai.NewClient(option.WithBaseURL(web.URL+"/v1"), option.WithAPIKey("other"), option.WithMaxRetries(0))
		if _, err := stranger.Models.List(ctx); !errors.As(err, &e) || e.StatusCode != http.StatusUnauthorized {
			t.Errorf("a wrong key: %v", err)
		}
	})
}

// What a completion with echo says of its prompt is what it says of the same tokens when it generates them.
func TestEchoIsLikeGenerating(t *testing.T) {
	_, web := newServer(t, Config{}, map[string]string{"mood": newModel(t, 1)})
	client := openai.NewClient(option.WithBaseURL(web.URL+"/v1"), option.WithAPIKey("none"))
	ctx := context.Background()
	p := openai.CompletionNewParams{Model: "mood", Prompt: openai.CompletionNewParamsPromptUnion{OfArrayOfTokens: []int64{5, 6, 7}},
		MaxTokens: openai.Int(90), Temperature: openai.Float(0), Logprobs: openai.Int(3), LogitBias: map[string]int64{"420": -100}}
	said, err := client.Completions.New(ctx, p, option.WithJSONSet("stop", nil))
	check(t, err)
	ids := []int64{5, 6, 7}
	tokens := said.Choices[0].Logprobs
	_, all := post(t, web.URL+"/v1/completions", `{"prompt": [5, 6, 7], "max_tokens": 90, "temperature": 0, "logprobs": 1, "logit_bias": {"420": -100}}`)
	names := map[string]int64{}
	tok := tokenizerOf(t)
	for id := range int32(421) {
		names[tokenText(tok.TokenBytes(id))] = int64(id)
	}
	for i := range tokens.Tokens {
		name, _ := at(all, "choices", 0, "logprobs", "tokens", i).(string)
		id, ok := names[name]
		if !ok || strings.Contains(name, "\uFFFD") { // can't tell which
			tokens.TokenLogprobs = tokens.TokenLogprobs[:i]
			break
		}
		ids = append(ids, id)
	}
	p.Prompt.OfArrayOfTokens, p.Echo, p.MaxTokens, p.LogitBias = ids, openai.Bool(true), openai.Int(0), nil
	read, err := client.Completions.New(ctx, p)
	check(t, err)
	if read.Usage.CompletionTokens != 0 || len(read.Choices[0].Logprobs.Tokens) != len(ids) {
		t.Fatalf("%+v", read)
	}
	for i, want := range tokens.TokenLogprobs {
		if got := read.Choices[0].Logprobs.TokenLogprobs[3+i]; got != want {
			t.Errorf("token %d: %g when it is read, %g when it is generated", i, got, want)
		}
	}
}
