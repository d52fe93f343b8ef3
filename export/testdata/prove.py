"""Exports models with hone and proves the files with llama.cpp (llama-cpp-python) and the gguf package's reader.

    python export/testdata/prove.py --hone BIN [--types f32,f16,…] [--quantize] [MODEL_DIR …]

Without a folder it makes tiny models with random weights and the tokenizers of tokenizer/testdata. For each model and
type: gguf reads the file; llama.cpp's token ids of some texts equal transformers'; its logits agree with transformers';
its greedy text equals hone's on the same weights (hone import of the file). With --quantize llama.cpp quantizes the
float32 file itself and every tensor must have the same bytes.
"""
import argparse, ctypes, json, pathlib, subprocess, sys, tempfile

import gguf
import llama_cpp
import numpy as np
import tokenizers
import torch
import transformers

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEXTS = ["Hello, world! It's 1984, isn't it?", "  two  spaces\n\n\tand a tab; 12345.67", "naïve café 你好 🙂 привет", "def f(x):\n    return x"]
FTYPES = {"q8_0": 7, "q4_0": 2, "q4_K_M": 15}


def tiny(folder):
    """Makes the tiny models."""
    torch.manual_seed(0)
    llama = dict(hidden_size=256, intermediate_size=512, num_hidden_layers=3, num_attention_heads=8, num_key_value_heads=4, max_position_embeddings=256, initializer_range=0.08)
    for name, tok, make in [
        ("gpt2", "gpt2", lambda v: transformers.GPT2LMHeadModel(transformers.GPT2Config(vocab_size=v, n_positions=256, n_embd=256, n_layer=3, n_head=8, initializer_range=0.08))),
        ("llama", "smollm2", lambda v: transformers.LlamaForCausalLM(transformers.LlamaConfig(vocab_size=v, tie_word_embeddings=True, **llama))),
        ("llama3", "llama3", lambda v: transformers.LlamaForCausalLM(transformers.LlamaConfig(vocab_size=v, attention_bias=True, rope_parameters={"rope_type": "llama3", "rope_theta": 10000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 64}, **llama))),
        ("mistral", "llama3", lambda v: transformers.MistralForCausalLM(transformers.MistralConfig(vocab_size=v, head_dim=16, sliding_window=None, **llama))),
        ("qwen2", "qwen2", lambda v: transformers.Qwen2ForCausalLM(transformers.Qwen2Config(vocab_size=v, **llama))),
        ("qwen3", "qwen2", lambda v: transformers.Qwen3ForCausalLM(transformers.Qwen3Config(vocab_size=v, head_dim=32, **llama))),
    ]:
        source, out = ROOT / "tokenizer/testdata" / tok, folder / name
        out.mkdir()
        n = max(json.loads((source / "tokenizer.json").read_text())["model"]["vocab"].values())
        n = max([n] + [a["id"] for a in json.loads((source / "tokenizer.json").read_text())["added_tokens"]]) + 6  # rows that no token has
        make(n).save_pretrained(out)
        for file in source.iterdir():
            if file.name.startswith(("tokenizer", "special", "vocab.json", "merges")):
                (out / file.name).write_bytes(file.read_bytes())
        yield out


def run(*args):
    done = subprocess.run([str(a) for a in args], capture_output=True, text=True)
    assert done.returncode == 0, f"{args}: {done.stderr}"
    return done


def reference_ids(model, text, special=False):
    """Token ids by the official library, from the files themselves."""
    if (model / "tokenizer.json").exists():
        return tokenizers.Tokenizer.from_file(str(model / "tokenizer.json")).encode(text, add_special_tokens=special).ids
    return transformers.AutoTokenizer.from_pretrained(model).encode(text, add_special_tokens=special)


def check(hone, model, kind, work, quantize):
    path = work / f"{model.name}-{kind}.gguf"
    run(hone, "export", "--model", model, "--type", kind, "--output", path, "--force")
    reader = gguf.GGUFReader(path)
    arch = reader.get_field("general.architecture").contents()
    names = {t.name for t in reader.tensors}
    assert len(names) == len(reader.tensors) and reader.get_field("tokenizer.ggml.tokens") is not None
    llm = llama_cpp.Llama(str(path), n_ctx=256, logits_all=True, verbose=False, n_threads=2, type_k=0, type_v=0)
    for text in TEXTS:
        want, got = reference_ids(model, text), llm.tokenize(text.encode(), add_bos=False, special=True)
        assert got == want, f"{path.name}: {text!r}: llama.cpp has {got}, the tokenizer {want}"
    # the same weights by transformers: what hone makes of the file again
    again = work / f"{model.name}-{kind}"
    run(hone, "import", path, again, "--force", "--dtype", "float32")
    torch_model = transformers.AutoModelForCausalLM.from_pretrained(again, dtype=torch.float32).eval()
    ids = reference_ids(model, TEXTS[0], special=True)
    assert llm.tokenize(TEXTS[0].encode(), add_bos=True, special=True) == ids, "bos and eos around a text differ"
    with torch.no_grad():
        want = torch_model(torch.tensor([ids])).logits[0].numpy()
    llm.reset()
    llm.eval(ids)
    got = np.array(llm.scores[: len(ids)])
    off = np.sqrt(((got - want) ** 2).sum() / ((want - want.mean(-1, keepdims=True)) ** 2).sum())
    same = (got.argmax(-1) == want.argmax(-1)).mean()
    llm.reset()
    theirs = []
    for token in llm.generate(ids, temp=0, repeat_penalty=1.0):
        theirs.append(token)
        if len(theirs) == 16:
            break
    with torch.no_grad():
        mine = torch_model.generate(torch.tensor([ids]), attention_mask=torch.ones(1, len(ids)), do_sample=False, max_new_tokens=16, eos_token_id=None, pad_token_id=0)[0][len(ids):].tolist()
    text = json.loads(run(hone, "generate", "--model", again, "--prompt", TEXTS[0], "--no-do_sample", "--max_new_tokens", 16, "--no-return_full_text", "--json").stdout)[0]["generated_text"]
    decoded = transformers.AutoTokenizer.from_pretrained(again).decode(mine[: mine.index(llm.token_eos()) if llm.token_eos() in mine else None])
    agree = next((i for i, (x, y) in enumerate(zip(theirs, mine)) if x != y), 16)
    ok = off < {"f32": 0.01, "f16": 0.01, "bf16": 0.05}.get(kind, 0.2) and (kind != "f32" or agree == 16)
    print(f"{'ok ' if ok else 'BAD'} {model.name:10} {kind:7} {arch:6} {len(names):4} tensors; logits of llama.cpp off by {off:.2g}, top token the same at {same:.0%}; greedy: {agree} of 16 tokens as transformers; hone {'says the same' if text == decoded else f'{text!r} / {decoded!r}'}", flush=True)
    if quantize and kind in FTYPES:
        compare_bytes(work / f"{model.name}-f32.gguf", path, FTYPES[kind])
    return ok


def compare_bytes(source, mine, ftype):
    """llama.cpp's own quantization of the float32 file has the same types and bytes."""
    theirs = mine.with_suffix(".llama.gguf")
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype, params.nthread = ftype, 1
    assert llama_cpp.llama_model_quantize(str(source).encode(), str(theirs).encode(), ctypes.byref(params)) == 0
    a, b = ({t.name: t for t in gguf.GGUFReader(p).tensors} for p in (mine, theirs))
    assert a.keys() == b.keys()
    worst = []
    for name in a:
        assert a[name].tensor_type == b[name].tensor_type, f"{name}: {a[name].tensor_type.name}, llama.cpp has {b[name].tensor_type.name}"
        if not np.array_equal(a[name].data, b[name].data):
            worst.append(f"{name} ({a[name].tensor_type.name}, {(a[name].data != b[name].data).mean():.2%} of its bytes)")
    print(f"    llama.cpp's quantize: {len(a)} tensors, same types; " + ("all bytes the same" if not worst else "other bytes in " + ", ".join(worst[:4])))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--hone", required=True)
    p.add_argument("--types", default="f32,f16,bf16,q8_0,q4_0,q4_K_M")
    p.add_argument("--quantize", action="store_true")
    p.add_argument("models", nargs="*", type=pathlib.Path)
    a = p.parse_args()
    transformers.logging.set_verbosity_error()
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        (work / "models").mkdir()
        models = a.models or tiny(work / "models")
        results = [check(a.hone, m, k, work, a.quantize) for m in models for k in a.types.split(",")]
    sys.exit(not all(results))


main()
