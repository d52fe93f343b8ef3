package export

import (
	"strings"
	"testing"

	"github.com/hone-ml/hone/chat"
	"github.com/hone-ml/hone/collate"
	"github.com/hone-ml/hone/tokenizer"
)

// special adds the tokens of a chat template to a tokenizer.
func special(t *testing.T, tok *tokenizer.Tokenizer, tokens ...string) *tokenizer.Tokenizer {
	t.Helper()
	var list []tokenizer.AddedToken
	for _, s := range tokens {
		list = append(list, tokenizer.AddedToken{Content: s, Special: true})
	}
	tok, err := tok.AddTokens(list...)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// Chat templates that put words around turns become Ollama's; dialogue itself runs each and compares.
func TestDialogue(t *testing.T) {
	src := source(t, "gpt2", "gpt2")
	tok := special(t, src.Tokenizer, "<|im_start|>", "<|im_end|>", "<|eot_id|>", "<s>")
	const llama3 = "{% for m in messages %}{{ '<|start|>' + m['role'] + '<|end|>\n\n' + m['content'] + '<|eot_id|>' }}{% endfor %}{% if add_generation_prompt %}{{ '<|start|>assistant<|end|>\n\n' }}{% endif %}"
	const smol = "{% for m in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou are Smol<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
	for name, c := range map[string]struct{ jinja, system, stop string }{
		"ChatML": {chat.ChatML, "", "<|im_end|>"}, "Llama 3": {"{{ '<s>' }}" + llama3, "", "<|eot_id|>"}, "SmolLM2": {smol, "You are Smol", "<|im_end|>"},
		"braces": {strings.ReplaceAll(chat.ChatML, "<|im_start|>", "{{"), "", "<|im_end|>"},
	} {
		d, err := dialogue(tok, c.jinja)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if d.system != c.system || !strings.HasPrefix(d.assistant[1], c.stop) {
			t.Errorf("%s: system %q, turn %q", name, d.system, d.assistant)
		}
	}
	for name, jinja := range map[string]string{
		"one turn only": "{{ messages[-1]['content'] }}", "order": "{% for m in messages|reverse %}{{ m['content'] }}{% endfor %}",
		"refuses": "{{ raise_exception('no') }}", "number": "{% for m in messages %}{{ loop.index }}{{ m['content'] }}{% endfor %}", "broken": "{% for %}",
	} {
		if d, err := dialogue(tok, jinja); err == nil {
			t.Errorf("%s became %q", name, d.ollama())
		}
	}
}

func TestModelfileOfClassifier(t *testing.T) {
	src := source(t, "gpt2", "gpt2")
	var err error
	if src.Verbalizer, err = collate.NewVerbalizer(src.Tokenizer, collate.Verbalizer{Labels: []string{"neg", "pos"}}); err != nil {
		t.Fatal(err)
	}
	text, note := Modelfile("m.gguf", src)
	eos := src.Tokenizer.IDToToken(src.Tokenizer.EOS())
	want := "FROM ./m.gguf\nTEMPLATE \"\"\"{{ .Prompt }}" + eos + "\"\"\"\n"
	if !strings.HasPrefix(text, want) || !strings.Contains(text, "PARAMETER temperature 0\n") || !strings.Contains(text, "PARAMETER stop \""+eos+"\"\n") || note != "" {
		t.Errorf("%s%s", text, note)
	}
	src.Verbalizer = nil
	if text, _ := Modelfile("m.gguf", src); !strings.Contains(text, "TEMPLATE \"\"\"{{ .Prompt }}\"\"\"") {
		t.Error(text)
	}
}
