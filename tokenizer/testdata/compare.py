"""Compares the Go package with the official library on real text: the reviews of ../shared/data, GPT-2's vocabulary,
and the small tokenizers of this folder. Run from this folder, with tokenizers and zstandard or pyarrow installed:

    python compare.py [reviews]
"""
import io, json, os, pathlib, subprocess, sys, tempfile

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
import pyarrow as pa

from make_fixtures import LLAMA3, QWEN2, hostile

HERE = pathlib.Path(__file__).resolve().parent
DATA = HERE.parent.parent.parent / "shared" / "data"


def texts(limit):
    for split in ("train", "validation", "test"):
        for line in open(DATA / "rotten_tomatoes" / f"{split}.jsonl", encoding="utf-8"):
            yield json.loads(line)["text"]
    with pa.input_stream(str(DATA / "imdb" / "train.jsonl.zst"), compression="zstd") as f:
        for i, line in enumerate(io.TextIOWrapper(f, encoding="utf-8")):
            if i == limit:
                break
            yield json.loads(line)["text"]


def real(folder):
    """GPT-2's vocabulary in GPT-2's own shape and in those of Llama 3, Qwen 2 and SmolLM 2."""
    gpt2 = DATA / "gpt2"
    split = lambda p: pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(p), "isolated"), pre_tokenizers.ByteLevel(False, use_regex=False)])
    shapes = dict(gpt2=pre_tokenizers.ByteLevel(add_prefix_space=False), llama3=split(LLAMA3), qwen2=split(QWEN2),
                  smollm2=pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]))
    for name, pre in shapes.items():
        t = Tokenizer(models.BPE.from_file(str(gpt2 / "vocab.json"), str(gpt2 / "merges.txt"), ignore_merges=name == "llama3"))
        t.pre_tokenizer, t.decoder = pre, decoders.ByteLevel()
        if name == "qwen2":
            t.normalizer = normalizers.NFC()
        t.add_special_tokens(["<|endoftext|>"])
        out = folder / name
        out.mkdir()
        t.save(str(out / "tokenizer.json"))
        yield str(gpt2) if name == "gpt2" else str(out), t


if __name__ == "__main__":
    limit = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    with tempfile.TemporaryDirectory() as tmp:
        tmp = pathlib.Path(tmp)
        subjects = list(real(tmp)) + [(str(p.parent), Tokenizer.from_file(str(p))) for p in sorted(HERE.glob("*/tokenizer.json"))]
        cases = tmp / "cases.jsonl"
        with open(cases, "w") as f:
            for folder, t in subjects:
                small = folder.startswith(str(HERE))
                for text in list(texts(100 if small else limit)) + hostile():
                    e = t.encode(text, add_special_tokens=False)
                    f.write(json.dumps(dict(dir=folder, text=text, ids=e.ids, offsets=e.offsets)) + "\n")
        env = dict(os.environ, HONE_TOKENIZER_COMPARE=str(cases))
        sys.exit(subprocess.run(["go", "test", "-count=1", "-v", "-run", "^TestCompare$", "./tokenizer"], cwd=HERE.parent.parent, env=env).returncode)
