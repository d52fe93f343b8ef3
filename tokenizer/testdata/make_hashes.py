"""Writes hashes.json: for each file of ../shared/data, the SHA-256 of the ids that the official library gives its texts
with GPT-2's vocabulary, as little-endian int32 with a −1 after each text. Needs tokenizers and pyarrow."""
import hashlib, io, json, pathlib

import numpy as np
import pyarrow as pa
from tokenizers import Tokenizer, models, pre_tokenizers

HERE = pathlib.Path(__file__).resolve().parent
DATA = HERE.parent.parent.parent / "shared" / "data"
FILES = ["rotten_tomatoes/train.jsonl", "rotten_tomatoes/validation.jsonl", "rotten_tomatoes/test.jsonl",
         "imdb/train.jsonl.zst", "imdb/test.jsonl.zst", "imdb/unsupervised.jsonl.zst"]


def texts(name):
    with pa.input_stream(str(DATA / name), compression="zstd" if name.endswith("zst") else None) as f:
        for line in io.TextIOWrapper(f, encoding="utf-8"):
            yield json.loads(line)["text"]


t = Tokenizer(models.BPE.from_file(str(DATA / "gpt2/vocab.json"), str(DATA / "gpt2/merges.txt")))
t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
t.add_special_tokens(["<|endoftext|>"])
out = {}
for name in FILES:
    h, batch, count = hashlib.sha256(), [], 0
    for text in list(texts(name)) + [None]:
        if text is not None:
            batch.append(text)
        if len(batch) == 2000 or text is None:
            for e in t.encode_batch_fast(batch, add_special_tokens=False):
                h.update(np.array(e.ids + [-1], dtype="<i4").tobytes())
                count += len(e.ids)
            batch = []
    out[name] = {"tokens": count, "sha256": h.hexdigest()}
    print(name, out[name])
(HERE / "hashes.json").write_text(json.dumps(out, indent=1) + "\n")
