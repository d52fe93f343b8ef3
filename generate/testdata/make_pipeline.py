"""Makes pipeline/: a tokenizer of 96 tokens for the llama fixture and what pipeline("text-generation") answers.

Needs torch==2.15.0, transformers==5.24.0 and tokenizers==0.23.3: python make_pipeline.py
"""
import json
import os
import shutil
import tempfile

import transformers as hf
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

HERE = os.path.dirname(os.path.abspath(__file__))
MODEL = f"{HERE}/../../internal/fixtures/testdata/llama"
SPECIAL = ["<pad>", "<s>", "</s>", "<|im|>"]
TEMPLATE = ("{% for m in messages %}{{ '<|im|>' + m['role'] + ':' + m['content'] + '</s>' }}{% endfor %}"
            "{% if add_generation_prompt %}{{ '<|im|>assistant:' }}{% endif %}")

USER = {"role": "user", "content": "hi"}
CASES = [
    ("hello", dict()), (["hello", "ab c", "Q"], dict(max_new_tokens=30)), ("hello", dict(max_new_tokens=30, return_full_text=False)),
    ([USER], dict(max_new_tokens=12)), ([USER], dict(max_new_tokens=12, return_full_text=False)),
    ([[USER], [{"role": "system", "content": "x"}, {"role": "assistant", "content": "yo"}]], dict(max_new_tokens=12)),
    ([USER, {"role": "assistant", "content": "yo"}], dict(max_new_tokens=12, continue_final_message=False)),
    ("hello", dict(max_new_tokens=30, repetition_penalty=1.4, no_repeat_ngram_size=2, skip_special_tokens=False)),
    ("", dict(max_new_tokens=5)), ("hello", dict(do_sample=True, top_k=1, num_return_sequences=2, max_new_tokens=6)),
]


def tokenizer():
    letters = sorted(c for c in pre_tokenizers.ByteLevel.alphabet() if "!" <= c <= "~")[:90] + ["Ġ", "Ċ"]
    vocab = {token: i for i, token in enumerate(SPECIAL + letters)}
    assert len(vocab) == 96
    t = Tokenizer(models.BPE(vocab=vocab, merges=[]))
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.decoder = decoders.ByteLevel()
    t.add_special_tokens(SPECIAL)
    fast = hf.PreTrainedTokenizerFast(tokenizer_object=t, bos_token="<s>", eos_token="</s>", pad_token="<pad>")
    fast.chat_template = TEMPLATE
    return fast


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        for name in ("config.json", "model.safetensors", "generation_config.json"):
            shutil.copy(f"{MODEL}/{name}", folder)
        tokenizer().save_pretrained(folder)
        for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
            shutil.copy(f"{folder}/{name}", f"{HERE}/pipeline")
        pipe = hf.pipeline("text-generation", model=folder)
        cases = [(given, dict(do_sample=False) | options) for given, options in CASES]
        text = pipe("hello", do_sample=False, max_new_tokens=30, return_full_text=False)[0]["generated_text"]
        cases.append(("hello", dict(do_sample=False, max_new_tokens=30, stop_sequence=text[3:5])))
        answers = [{"input": given, "options": options, "want": pipe(given, **options)} for given, options in cases]
    with open(f"{HERE}/pipeline/cases.json", "w") as f:
        f.write("[\n" + ",\n".join(json.dumps(a) for a in answers) + "\n]\n")
