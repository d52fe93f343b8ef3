"""Exports models with hone and proves the files with llama.cpp (llama-cpp-python) and the gguf package's reader.

    python export/testdata/prove.py --hone BIN [--types f32,f16,…] [--quantize] [MODEL_DIR …]
    python export/testdata/prove.py --hone BIN [--types f32,f16,…] --chats FILE MODEL_DIR …

Without a folder it makes tiny models with random weights and the tokenizers of tokenizer/testdata. For each model and
type: gguf reads the file; llama.cpp's token ids of some texts equal transformers'; its logits agree with transformers' on
the same weights (hone import of the file); hone's greedy text is transformers'. With --quantize llama.cpp quantizes the
float32 file itself and every tensor must have the same bytes.

llama.cpp multiplies weights of 16 bits and fewer with activations that it rounds likewise, so its greedy text can be
another than that of the same weights in float32. A reference that rounds too ends at other logits, too: a difference of
1e-7 moves some activation over the edge between two roundings, and in a few layers that grows to as much as rounding
itself; how far, the reference's distance from itself in float64 tells. What can be compared to the end is each step.
llama.cpp tells the activations and the result of every product with a matrix while it generates. The reference, given
the results before, comes to the same activations (by norms, RoPE, attention, gates), and given these to the same result:
all must be within STEP, the logits too, and the likeliest tokens be those that llama.cpp said.

With --chats the models, which were tuned, are asked instead, as people use them: llama.cpp has its own settings and the
file's chat template. FILE has chats as JSON lines (orders.py writes some); the last message of each is left for the model
to say. llama.cpp's greedy answers must be those of hone on the same weights. How many are those of the model that was
exported, and how many right, is told. So is the least lead of a token that llama.cpp said over the next best.
"""
import argparse, collections, contextlib, ctypes, json, pathlib, subprocess, sys, tempfile

import gguf
import llama_cpp
import numpy as np
import tokenizers
import torch
import transformers

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEXTS = ["Hello, world! It's 1984, isn't it?", "  two  spaces\n\n\tand a tab; 12345.67", "naïve café 你好 🙂 привет", "def f(x):\n    return x"]
FTYPES = {"q8_0": 7, "q4_0": 2, "q4_K_M": 15}
SAID = 16  # tokens of greedy text
ANSWER = 64  # tokens of an answer at most
STEP = 1e-5


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


def plain_weights():
    """Model parameters that leave the weights as the file has them, for products whose rounding ROUNDS tells."""
    params = DEFAULTS()
    params.use_extra_bufts = False
    return params


DEFAULTS, llama_cpp.llama_cpp.llama_model_default_params = llama_cpp.llama_cpp.llama_model_default_params, plain_weights


def run(*args):
    done = subprocess.run([str(a) for a in args], capture_output=True, text=True)
    assert done.returncode == 0, f"{args}: {done.stderr}"
    return done


def reference_ids(model, text, special=False):
    """Token ids by the official library, from the files themselves."""
    if (model / "tokenizer.json").exists():
        return tokenizers.Tokenizer.from_file(str(model / "tokenizer.json")).encode(text, add_special_tokens=special).ids
    return transformers.AutoTokenizer.from_pretrained(model).encode(text, add_special_tokens=special)


class Tensor(ctypes.Structure):
    """struct ggml_tensor of ggml.h."""
    _fields_ = [("type", ctypes.c_int), ("buffer", ctypes.c_void_p), ("ne", ctypes.c_int64 * 4), ("nb", ctypes.c_size_t * 4),
                ("op", ctypes.c_int), ("op_params", ctypes.c_int32 * 16), ("flags", ctypes.c_int32), ("src", ctypes.c_void_p * 10),
                ("view_src", ctypes.c_void_p), ("view_offs", ctypes.c_size_t), ("data", ctypes.c_void_p), ("name", ctypes.c_char * 64)]


def listen(llm):
    """Has llama.cpp tell its products with matrices of the file, by the matrix' name: activations and results of some tokens each."""
    told = collections.defaultdict(list)

    def tell(address, ask, _):
        t = Tensor.from_address(address)
        if not (t.src[0] and t.src[1]):
            return not ask
        weight, x = Tensor.from_address(t.src[0]), Tensor.from_address(t.src[1])
        if not weight.name.endswith(b".weight") or x.type != gguf.GGMLQuantizationType.F32:  # rows of embeddings are looked up by integers
            return not ask
        if not ask:
            told[weight.name.decode()].append([torch.tensor(np.ctypeslib.as_array(ctypes.cast(m.data, ctypes.POINTER(ctypes.c_float)), (m.ne[1], m.ne[0]))) for m in (x, t)])
        return True

    llm.context_params.cb_eval = llama_cpp.llama_cpp.ggml_backend_sched_eval_callback(tell)
    llm._ctx = llama_cpp._internals.LlamaContext(model=llm._model, params=llm.context_params, verbose=False)
    return told


def q8_0(x):
    """As quantize_row_q8_0 of ggml: integers of 8 bits in blocks of 32, which have a float16 scale."""
    b = x.reshape(-1, 32)
    most = b.abs().amax(-1, keepdim=True)
    return ((b * torch.where(most > 0, torch.full_like(most, 127) / most, 0)).round() * (most / 127).half().to(x.dtype)).reshape(x.shape)


def q8_k(x):
    """As quantize_row_q8_K: blocks of 256 and a float32 scale."""
    b = x.reshape(-1, 256)
    most = b.abs().amax(-1, keepdim=True)
    return ((b * torch.where(most > 0, torch.full_like(most, 127) / most, 0)).round() * (most / 127)).reshape(x.shape)


# What an activation is rounded to beside weights of a type: vec_dot_type in ggml-cpu.c.
ROUNDS = {"F32": lambda x: x, "F16": lambda x: x.half().to(x.dtype), "BF16": lambda x: x.bfloat16().to(x.dtype),
          "Q4_0": q8_0, "Q5_0": q8_0, "Q8_0": q8_0, "Q4_K": q8_k, "Q6_K": q8_k}


def gelu(_, args, out):
    """ggml's GELU, a table of float16."""
    x = args[0]
    return torch.where(x.abs() < 10, torch.nn.functional.gelu(x.half().to(x.dtype), approximate="tanh").half().to(x.dtype), out)


@contextlib.contextmanager
def as_llama(model, reader, told=None, rounding=True):
    """Makes transformers' model round activations as llama.cpp does. With told, activations and results of each product give
    way to llama.cpp's, after they were compared with these: the list has the distances."""
    types = {t.name: t.tensor_type.name for t in reader.tensors}
    arch = reader.get_field("general.architecture").contents()
    names = gguf.get_tensor_name_map(next(k for k, v in gguf.MODEL_ARCH_NAMES.items() if v == arch), model.config.num_hidden_layers)
    off, hooks = [], []
    for name, module in model.named_modules():
        if rounding and isinstance(module, transformers.activations.NewGELUActivation):
            hooks.append(module.register_forward_hook(gelu))
        if not isinstance(module, (torch.nn.Linear, transformers.pytorch_utils.Conv1D)):
            continue
        weight = names.get_name(name) + ".weight"
        if weight not in types:
            weight = "token_embd.weight"  # a head that shares the embeddings
        theirs, result = (torch.cat(m) for m in zip(*told[weight])) if told else (None, None)
        if arch == "llama" and told and name.endswith(("q_proj", "k_proj")):  # pairs of RoPE lie side by side in the file
            result = result.reshape(len(result), -1, model.config.head_dim // 2, 2).transpose(2, 3).flatten(1)

        def before(module, args, theirs=theirs, rounds=ROUNDS[types[weight]] if rounding else ROUNDS["F32"]):
            if theirs is None:
                return (rounds(args[0]),)
            off.append(distance(args[0][0], theirs))
            return (rounds(theirs)[None],)

        def after(module, _, out, result=result):
            if result is not None:
                result = result if module.bias is None else result + module.bias
                off.append(distance(out[0], result))
                return out if module is model.get_output_embeddings() else result[None]

        hooks += [module.register_forward_pre_hook(before), module.register_forward_hook(after)]
    yield off
    for h in hooks:
        h.remove()


def distance(got, want):
    got, want = np.asarray(got), np.asarray(want)
    return np.sqrt(((got - want) ** 2).sum() / ((want - want.mean(-1, keepdims=True)) ** 2).sum())


def logits_of(model, ids):
    return model(torch.tensor([ids])).logits[0].numpy()


def greedy(model, ids):
    return model.generate(torch.tensor([ids]), attention_mask=torch.ones(1, len(ids)), do_sample=False, max_new_tokens=SAID, eos_token_id=None, pad_token_id=0)[0][len(ids):].tolist()


def agreement(a, b):
    return next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), len(a))


@torch.no_grad()
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
    told = listen(llm)
    theirs = [token for _, token in zip(range(SAID), llm.generate(ids, temp=0, repeat_penalty=1.0))]
    said = ids + theirs[:-1]
    every = np.array(llm.scores[: len(said)])
    got, want = every[: len(ids)], logits_of(torch_model, ids)
    off, same, mine = distance(got, want), (got.argmax(-1) == want.argmax(-1)).mean(), greedy(torch_model, ids)
    text = json.loads(run(hone, "generate", "--model", again, "--prompt", TEXTS[0], "--no-do_sample", "--max_new_tokens", SAID, "--no-return_full_text", "--json").stdout)[0]["generated_text"]
    decoded = transformers.AutoTokenizer.from_pretrained(again).decode(mine[: mine.index(llm.token_eos()) if llm.token_eos() in mine else None], skip_special_tokens=True)
    with as_llama(torch_model, reader):
        rounded, likewise = logits_of(torch_model, ids), greedy(torch_model, ids)
        again64 = logits_of(torch_model.double(), ids)
    torch_model.float()
    with as_llama(torch_model, reader, told, rounding=False) as exact:
        logits_of(torch_model, said)
    with as_llama(torch_model, reader, told) as steps:
        last = logits_of(torch_model, said)
    end, agree = distance(every, last), agreement(theirs, last[len(ids) - 1 :].argmax(-1).tolist())
    ok = off < {"f32": 0.01, "f16": 0.01, "bf16": 0.05}.get(kind, 0.2) and text == decoded and max(steps) < STEP and end < STEP and agree == SAID and (kind != "f32" or theirs == mine)
    print(f"{'ok ' if ok else 'BAD'} {model.name:10} {kind:7} {arch:6} {len(names):4} tensors; logits of llama.cpp off by {off:.2g}, top token the same at {same:.0%}, greedy {agreement(theirs, mine)} of {SAID}; hone {'says what transformers says' if text == decoded else f'{text!r} / {decoded!r}'}\n"
          f"    rounding likewise: off by {distance(got, rounded):.2g} (itself in float64: {distance(rounded, again64):.2g}), greedy {agreement(theirs, likewise)} of {SAID}\n"
          f"    step by step: activations and results of {len(steps) // 2} products off by {max(steps):.2g} at most (without rounding: {max(exact):.2g}), half of them by less than {np.median(steps):.2g}; logits by {end:.2g}, greedy {agree} of {SAID}", flush=True)
    if quantize and kind in FTYPES:
        compare_bytes(work / f"{model.name}-f32.gguf", path, FTYPES[kind])
    return ok


def answers(hone, model, chats):
    """hone's greedy answers."""
    prompts = [a for asked, _ in chats for a in ("--prompt", asked)]
    said = run(hone, "generate", "--model", model, "--chat", *prompts, "--no-do_sample", "--max_new_tokens", ANSWER, "--no-return_full_text", "--json")
    return [json.loads(line)[0]["generated_text"] for line in said.stdout.splitlines()]


def ask(hone, model, kind, work, chats, source):
    """Compares llama.cpp's answers with hone's; source has those of the model that is exported."""
    path, again = work / f"{model.name}-{kind}.gguf", work / f"{model.name}-{kind}"
    run(hone, "export", "--model", model, "--type", kind, "--output", path, "--force")
    run(hone, "import", path, again, "--force", "--dtype", "float32")
    llm = llama_cpp.Llama(str(path), n_ctx=1024, logits_all=True, verbose=False, n_threads=2)
    theirs, lead = [], np.inf
    for asked, _ in chats:
        got = llm.create_chat_completion([{"role": "user", "content": asked}], temperature=0, max_tokens=ANSWER)
        theirs.append(got["choices"][0]["message"]["content"])
        prompt, n = got["usage"]["prompt_tokens"], llm.n_tokens
        best = np.sort(llm.scores[prompt - 1 : n], axis=-1)[:, -2:]
        lead = min(lead, (best[:, 1] - best[:, 0]).min())
    mine, wanted = answers(hone, again, chats), [w for _, w in chats]
    equal = lambda a, b: sum(x == y for x, y in zip(a, b))
    ok = theirs == mine
    print(f"{'ok ' if ok else 'BAD'} {model.name:10} {kind:7} {equal(theirs, mine)} of {len(chats)} answers of llama.cpp are hone's of the file, {equal(theirs, source)} those of the model before, {equal(theirs, wanted)} right; the least lead of a token {lead:.2f}", flush=True)
    for (asked, _), a, b in zip(chats, theirs, mine):
        if a != b:
            print(f"    {asked}\n      llama.cpp: {a!r}\n      hone:      {b!r}")
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
    p.add_argument("--chats", type=pathlib.Path)
    p.add_argument("models", nargs="*", type=pathlib.Path)
    a = p.parse_args()
    transformers.logging.set_verbosity_error()
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        (work / "models").mkdir()
        models, kinds = a.models or tiny(work / "models"), a.types.split(",")
        if a.chats:
            chats = [[m["content"] for m in json.loads(line)["messages"][-2:]] for line in a.chats.read_text().splitlines()]
            results = [ask(a.hone, m, k, work, chats, source) for m in models for source in [answers(a.hone, m, chats)] for k in kinds]
        else:
            results = [check(a.hone, m, k, work, a.quantize) for m in models for k in kinds]
    sys.exit(not all(results))


main()
