"""Trains on real texts with the official library and with hone, and compares vocabularies, merges and times.

    python compare_train.py HONE TEXTS.jsonl[.zst] VOCAB_SIZE [PATTERN [ROWS]]

HONE is the command's path; PATTERN is gpt2, llama3 or qwen2; ROWS is how many rows to use.
Needs the packages tokenizers and transformers, and the command zstd for .zst.
"""
import json, pathlib, subprocess, sys, tempfile, time

from make_train_fixtures import official


def lines(path):
    if path.endswith(".zst"):
        return subprocess.run(["zstd", "-dcq", path], check=True, capture_output=True).stdout.splitlines()
    return pathlib.Path(path).read_bytes().splitlines()


def main(hone, path, size, pattern="gpt2", rows=None):
    texts = [json.loads(line)["text"] for line in lines(path)[:rows and int(rows)]]
    print(f"{len(texts)} texts, {sum(len(t.encode()) for t in texts) / 1e6:.1f} MB, {pattern}, {size} tokens")
    with tempfile.TemporaryDirectory() as tmp:
        data, out = pathlib.Path(tmp, "texts.jsonl"), pathlib.Path(tmp, "tok")
        data.write_text("".join(json.dumps({"text": t}) + "\n" for t in texts))
        start = time.time()
        subprocess.run([hone, "-q", "tokenizer", "train", "--files", data, "--vocab_size", size, "--pattern", pattern,
                        "--output_dir", out], check=True)
        print(f"hone: {time.time() - start:.2f} s, reading the file and writing the tokenizer included")
        start = time.time()
        want = official(texts, pattern, vocab_size=int(size), special_tokens=["<|endoftext|>"])
        print(f"official: {time.time() - start:.2f} s for training alone")
        got = json.loads((out / "tokenizer.json").read_text())
        want = json.loads(want.to_str())
        for part in "vocab", "merges":
            same = got["model"][part] == want["model"][part]
            print(f"{part}: {len(want['model'][part])} entries, {'equal' if same else 'DIFFERENT'}")
            assert same
        assert got["added_tokens"] == want["added_tokens"]

        from transformers import AutoTokenizer
        from tokenizers import Tokenizer
        auto, raw = AutoTokenizer.from_pretrained(out), Tokenizer.from_str(json.dumps(want))
        for text in texts[:500]:
            assert auto(text)["input_ids"] == raw.encode(text).ids
        print(f"AutoTokenizer: {type(auto).__name__}, the same ids for 500 texts; eos {auto.eos_token}, bos {auto.bos_token}, pad {auto.pad_token}")


main(*sys.argv[1:])
