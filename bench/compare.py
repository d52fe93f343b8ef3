"""compare.py --hone BINARY --model DIR --data TRAIN.jsonl [--batch 16] [--steps 20] [--rounds 2] [--modes hf,hf128,hf_group,tuned] [--length 512]

Runs the tutorial's fine-tuning job in hone and in the ways of train.py, in turn, on the same machine, and prints time per
example, the ratio to hone's best, peak memory as seen from outside, and how far the losses are apart, which must be little.
DIR is GPT-2 or a Llama in Hugging Face layout with its tokenizer; set dropouts to 0 in config.json, so that losses can match.
With --length the job is language modelling on rows of that many tokens, made by joining texts. Needs torch and transformers.
"""
import argparse, json, os, pathlib, sys, tempfile

from common import HERE, apart, expect, rows, timed, write

def hone(a, mode, threads):
    """hone's time is of all its steps, the first one included; the others' leaves out the warm-up."""
    with tempfile.TemporaryDirectory() as out:
        stdout, peak, wall = timed([
            a.hone, "train", "--model", a.model, "--dataset", a.data, "--output_dir", out, "--eval_split", "none",
            *(["--task", "language-modeling", "--max_length", str(a.length)] if a.length else ["--labels", "neg,pos"]),
            "--per_device_train_batch_size", str(a.batch), "--max_steps", str(a.steps + a.warm), "--learning_rate", "2e-5",
            *(["--lora", "--lora_r", "8", "--lora_alpha", "16"] if a.lora else []), *(["--bf16"] if mode.endswith("+bf16") else []),
            "--logging_steps", "1", "--save_strategy", "no", "--json", "--threads", str(threads)])
        r = json.loads(stdout)
        losses = [row["loss"] for row in json.load(open(f"{out}/trainer_state.json"))["log_history"] if "loss" in row]
        return {"mode": mode, "per_example": r["train_runtime"] / (a.steps + a.warm) / a.batch, "losses": losses, "peak": peak, "wall": wall}


def other(a, mode, threads):
    stdout, peak, wall = timed([sys.executable, str(HERE / "train.py"), *mode.split("+")[:1], "--model", a.model, "--data", a.data,
                                "--steps", str(a.steps), "--warm", str(a.warm), "--batch", str(a.batch), "--threads", str(threads),
                                "--length", str(a.length)]
                               + (["--lora"] if a.lora else []) + (["--bf16"] if mode.endswith("+bf16") else []))
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
    """The largest relative difference of the losses. An adapter begins with other random numbers in each, so that only the
    first loss, where it adds nothing yet, must be the same."""
    differ = apart(r["losses"], ours["losses"])
    if mode.startswith("hf_group"):
        return "other order"
    most = 3e-2 if mode.endswith("+bf16") else 1e-3
    part = differ[:1] if a.lora else differ
    expect(part and max(part) < most, f"{mode}'s losses are {r['losses'][:5]} …, hone's {ours['losses'][:5]} …")
    return f"{max(part):.1e}"


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
    print(f"{'':12} {'ms/example':>10} {'ratio':>7} {'peak GB':>8} {'loss apart':>11}")
    for mode, r in best.items():
        same = check(a, mode, r, ours)
        print(f"{mode:12} {r['per_example'] * 1e3:10.1f} {r['per_example'] / ours['per_example']:7.2f} {r['peak'] / 1e9:8.2f} {same:>11}")


if __name__ == "__main__":
    main()
