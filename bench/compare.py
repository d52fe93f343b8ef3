"""compare.py --hone BINARY --model DIR --data TRAIN.jsonl [--batch 16] [--steps 20] [--rounds 2] [--modes hf,hf128,hf_group,tuned] [--length 512]

Runs the tutorial's fine-tuning job in hone and in the ways of train.py, in turn, on the same machine, and prints time per
example (the least of all rounds), the ratio to hone's, peak memory as seen from outside, and how far the losses are apart, which must be little.
DIR is GPT-2 or a Llama in Hugging Face layout with its tokenizer; set dropouts to 0 in config.json, so that losses can match.
A mode may go on with +bf16, +checkpoint (gradient checkpointing) and +base16 (an adapter's base in bfloat16), as hone+bf16 or hf+checkpoint.
With --length the job is language modelling on rows of that many tokens, made by joining texts. Needs torch and transformers.
"""
import argparse, json, os, pathlib, sys, tempfile

from common import HERE, apart, expect, rows, timed, write

FLAGS = {"bf16": ["--bf16"], "checkpoint": ["--gradient_checkpointing"], "base16": ["--base_dtype", "bfloat16"]}


def flags(mode):
    return [f for part in mode.split("+")[1:] for f in FLAGS[part]]


def hone(a, mode, threads):
    """As the others' time, hone's is that of the steps after the warm-up: from the end of its last step to the end of all."""
    with tempfile.TemporaryDirectory() as out:
        _, peak, wall = timed([
            a.hone, "train", "--model", a.model, "--dataset", a.data, "--output_dir", out, "--eval_split", "none",
            *(["--task", "language-modeling", "--max_length", str(a.length)] if a.length else ["--labels", "neg,pos"]),
            "--per_device_train_batch_size", str(a.batch), "--max_steps", str(a.steps + a.warm), "--learning_rate", "2e-5",
            *(["--lora", "--lora_r", "8", "--lora_alpha", "16"] if a.lora else []), *flags(mode),
            "--logging_steps", "1", "--save_strategy", "no", "--events_file", f"{out}/events.jsonl", "--threads", str(threads)])
        log = [e for e in rows(f"{out}/events.jsonl") if e["type"] == "log"]
        expect(len(log) == a.steps + a.warm, f"hone logged {len(log)} steps")
        seconds = log[-1]["time"] - log[a.warm - 1]["time"]
        return {"mode": mode, "per_example": seconds / a.steps / a.batch, "losses": [e["loss"] for e in log], "peak": peak, "wall": wall}


def other(a, mode, threads):
    stdout, peak, wall = timed([sys.executable, str(HERE / "train.py"), *mode.split("+")[:1], "--model", a.model, "--data", a.data,
                                "--steps", str(a.steps), "--warm", str(a.warm), "--batch", str(a.batch), "--threads", str(threads),
                                "--length", str(a.length)]
                               + (["--lora"] if a.lora else []) + flags(mode))
    r = json.loads(stdout.strip().splitlines()[-1])
    return {"mode": mode, "per_example": r["seconds"] / a.steps / a.batch, "losses": r["losses"], "peak": peak, "wall": wall}


def long_rows(a, path):
    """Joins texts until each row has more than a.length tokens, some four characters each."""
    joined, text = [], ""
    for r in rows(a.data):
        text += r["text"] + " "
        if len(text) > 7 * a.length:
            joined.append({"text": text.strip()})
            text = ""
    write(path, joined)
    return str(path)


def check(a, mode, r, ours):
    """The largest relative difference of the losses, and whether it is too large. An adapter begins with other random numbers in
    each, so that only the first loss, where it adds nothing yet, must be the same."""
    if mode.startswith("hf_group"):
        return "other order", False
    part = apart(r["losses"], ours["losses"])[:1 if a.lora else None]
    return f"{max(part):.1e}", max(part) >= (3e-2 if "16" in mode else 1e-3)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--hone", required=True)
    p.add_argument("--model", required=True)
    p.add_argument("--data", required=True)
    p.add_argument("--batch", type=int, default=16)
    p.add_argument("--steps", type=int, default=20)
    p.add_argument("--warm", type=int, default=3)
    p.add_argument("--rounds", type=int, default=2)
    p.add_argument("--threads", type=int, default=os.cpu_count())
    p.add_argument("--lora", action="store_true", help="LoRA, beside PEFT's")
    p.add_argument("--length", type=int, default=0, help="language modelling on pieces of so many tokens instead")
    p.add_argument("--modes", default="hf,hf128,hf_group,tuned")
    a = p.parse_args()
    scratch = tempfile.TemporaryDirectory()
    if a.length:
        a.data = long_rows(a, pathlib.Path(scratch.name) / "long.jsonl")
    best = {}
    for _ in range(a.rounds):
        for mode in ["hone"] + a.modes.split(","):
            r = hone(a, mode, a.threads) if mode.startswith("hone") else other(a, mode, a.threads)
            print(f"  {mode:12} {r['per_example'] * 1e3:8.1f} ms per example", file=sys.stderr)
            if mode not in best or r["per_example"] < best[mode]["per_example"]:
                best[mode] = r
    ours = best["hone"]
    width = max(12, *map(len, best))
    print(f"{'':{width}} {'ms/example':>10} {'ratio':>7} {'peak GB':>8} {'loss apart':>11}")
    others = []
    for mode, r in best.items():
        differ, too_far = check(a, mode, r, ours)
        if too_far:
            others.append(f"{mode}'s losses are {r['losses'][:5]} …, hone's {ours['losses'][:5]} …")
        print(f"{mode:{width}} {r['per_example'] * 1e3:10.1f} {r['per_example'] / ours['per_example']:7.2f} {r['peak'] / 1e9:8.2f} {differ:>11}")
    expect(not others, "; ".join(others))


if __name__ == "__main__":
    main()
