"""accuracy.py --hone BINARY --model DIR --data FOLDER --results FILE.jsonl [--seeds 1,2,3] [--epochs 1] [--labels negative,positive] [--lora] [--bf16] [--dtype T] [--optim O] [--sides hone,hf]

Fine-tunes a classifier in hone and in HF Trainer from the same weights, with the same rows in the same order and the same settings,
with dropout 0, and classifies the test split with both. FOLDER has train.jsonl and test.jsonl. Each run, an hour or so, is a line of FILE; what is
there is not run again, so that the script can be stopped and started at any time. At the end: accuracy of every run with its 95 % Wilson interval,
each pair on the rows on which it differs (McNemar), and the mean difference over the seeds with its 95 % interval over the rows.

--bf16 multiplies in bfloat16 on both sides, in HF Trainer by its own --bf16 (torch's autocast), which also rounds results: losses
are then the same within some hundredths. --sides runs one side only; the comparison comes when both are there.

--dtype and --optim are hone train's, to see what they cost: runs with them are compared, row by row, with those of the same seed without them.

The losses of the first steps must be the same. Later ones drift apart, as rounding does in any two programs. With --lora (beside PEFT, on all linear
layers) only the first loss can be: an adapter begins with random numbers that differ. Needs torch and transformers.
"""
import argparse, json, math, os, pathlib, sys, tempfile

from common import HERE, append, apart, done, expect, mcnemar, rows, timed, wilson, write
from score import predict


def hone(a, data, seed, out):
    lora = ["--lora", "--lora_r", str(a.lora_r), "--lora_alpha", str(a.lora_alpha), "--lora_target_modules", "all-linear"] if a.lora else []
    stdout, peak, _ = timed([
        a.hone, "train", "--model", a.model, "--dataset", str(data / "train.jsonl"), "--output_dir", out, "--labels", a.labels, "--eval_split", "none",
        "--per_device_train_batch_size", str(a.batch), "--num_train_epochs", str(a.epochs), "--learning_rate", str(a.lr), "--warmup_steps", str(a.warmup),
        "--seed", str(seed), "--logging_steps", "1", "--save_strategy", "no", "--json", "--threads", str(a.threads), *lora, *bf16(a),
        *([f"--{'base_' if a.lora else ''}dtype", a.dtype] if a.dtype else []), *(["--optim", a.optim] if a.optim else [])])
    losses = [row["loss"] for row in json.load(open(f"{out}/trainer_state.json"))["log_history"] if "loss" in row]
    classes, _, _ = predict(a.hone, out, a.labels, [r["text"] for r in rows(data / "test.jsonl")], a.threads)
    return {"classes": classes, "losses": losses, "seconds": json.loads(stdout)["train_runtime"], "peak": peak}


def bf16(a):
    return ["--bf16"] if a.bf16 else []


def reference(a, data, seed, out):
    lora = ["--lora", "--lora_r", str(a.lora_r), "--lora_alpha", str(a.lora_alpha), "--lora_targets", "all-linear"] if a.lora else []
    stdout, peak, _ = timed([
        sys.executable, str(HERE / "train.py"), "hf", "--model", a.model, "--data", str(data / "train.jsonl"), "--test", str(data / "test.jsonl"), "--out", out,
        "--labels", a.labels, "--batch", str(a.batch), "--epochs", str(a.epochs), "--lr", str(a.lr), "--warmup", str(a.warmup), "--warm", "1", "--seed", str(seed),
        "--threads", str(a.threads), *lora, *bf16(a)])
    r = json.loads(stdout.strip().splitlines()[-1])
    return {"classes": r["classes"], "losses": r["losses"], "seconds": r["seconds"], "peak": peak}


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--hone", required=True)
    p.add_argument("--model", required=True)
    p.add_argument("--data", required=True, type=pathlib.Path)
    p.add_argument("--results", required=True, type=pathlib.Path)
    p.add_argument("--seeds", default="1,2,3")
    p.add_argument("--epochs", type=float, default=1)
    p.add_argument("--labels", default="negative,positive")
    p.add_argument("--batch", type=int, default=16)
    p.add_argument("--lr", type=float, help="5e-5, or 5e-4 with --lora")
    p.add_argument("--warmup", type=float, default=0.05)
    p.add_argument("--lora", action="store_true")
    p.add_argument("--bf16", action="store_true")
    p.add_argument("--dtype", help="hone only: hold the weights, with --lora the frozen ones, in bfloat16, int8 or int4")
    p.add_argument("--optim", help="hone only: adamw_8bit")
    p.add_argument("--sides", default="hone,hf")
    p.add_argument("--lora_r", type=int, default=16)
    p.add_argument("--lora_alpha", type=int, default=32)
    p.add_argument("--rows", type=int, default=0, help="train and test on so many rows only, to try the script")
    p.add_argument("--threads", type=int, default=os.cpu_count())
    a = p.parse_args()
    a.lr = a.lr or (5e-4 if a.lora else 5e-5)
    runs = {}
    with tempfile.TemporaryDirectory() as scratch:
        data = pathlib.Path(scratch)
        for split in ("train", "test"):
            write(data / f"{split}.jsonl", rows(a.data / f"{split}.jsonl", a.rows))
        truth = [r["label"] for r in rows(data / "test.jsonl")]
        for seed in map(int, a.seeds.split(",")):
            for side in a.sides.split(","):
                key = {"side": side, "seed": seed, "model": os.path.basename(os.path.normpath(a.model)), "rows": a.rows, "epochs": a.epochs, "batch": a.batch, "lr": a.lr,
                       "warmup": a.warmup, "labels": a.labels, "lora": [a.lora_r, a.lora_alpha] if a.lora else None, "bf16": a.bf16 or None,
                       "dtype": a.dtype, "optim": a.optim}
                r = done(a.results, key)
                if r is None:
                    with tempfile.TemporaryDirectory() as out:
                        r = key | {"hone": hone, "hf": reference}[side](a, data, seed, out)
                    append(a.results, r)
                r["right"] = right(r, truth)
                runs[side, seed] = r
                plain = done(a.results, key | {"dtype": None, "optim": None}) if a.dtype or a.optim else None
                if plain:
                    runs["plain", seed] = plain | {"right": right(plain, truth)}
                low, high = wilson(sum(r["right"]), len(truth))
                print(f"{side:5} seed {seed}: accuracy {sum(r['right']) / len(truth):.4f} ({low:.4f} to {high:.4f}, {sum(r['right'])} of {len(truth)}), "
                      f"{r['seconds']:.0f} s, peak {r['peak'] / 1e9:.2f} GB, last losses {sum(r['losses'][-20:]) / len(r['losses'][-20:]):.4f}", flush=True)
            if len(a.sides.split(",")) == 2:
                compare(a, runs["hone", seed], runs["hf", seed], seed)
    if len(a.sides.split(",")) == 2:
        summary(runs, "hone", "hf", "hone − HF Trainer")
    if any(side == "plain" for side, _ in runs):
        summary(runs, "hone", "plain", f"with {a.dtype or ''} {a.optim or ''} − without")


def right(run, truth):
    return [int(x == y) for x, y in zip(run["classes"], truth)]


def compare(a, ours, theirs, seed):
    differ = apart(ours["losses"], theirs["losses"])
    first = 1 if a.lora else min(5, len(differ))
    expect(len(ours["losses"]) == len(theirs["losses"]), f"{len(ours['losses'])} steps in hone, {len(theirs['losses'])} in HF Trainer")
    expect(max(differ[:first]) < (5e-2 if a.bf16 else 2e-3), f"the first losses are {ours['losses'][:first]} in hone, {theirs['losses'][:first]} in HF Trainer")
    p, x, y = mcnemar(ours["right"], theirs["right"])
    print(f"      seed {seed}: right in hone only {x}, in HF Trainer only {y}, p = {p:.3f}; losses apart {max(differ[:first]):.1e} in the first {first} steps, "
          f"{max(differ):.1e} at most; time {theirs['seconds'] / ours['seconds']:.2f} times hone's", flush=True)


def summary(runs, x, y, name):
    """The means of two sides over the seeds that both have, and the mean of their difference with its interval over the rows."""
    seeds = sorted({seed for side, seed in runs if side == x} & {seed for side, seed in runs if side == y})
    n = len(runs[x, seeds[0]]["right"])
    for side in (x, y):
        each = [sum(runs[side, s]["right"]) / n for s in seeds]
        mean = sum(each) / len(each)
        spread = math.sqrt(sum((v - mean) ** 2 for v in each) / max(len(each) - 1, 1))
        print(f"{side:5} mean of {len(seeds)} seeds {mean:.4f}, standard deviation {spread:.4f}")
    d = [sum(runs[x, s]["right"][i] - runs[y, s]["right"][i] for s in seeds) / len(seeds) for i in range(n)]
    mean = sum(d) / n
    half = 1.96 * math.sqrt(sum((v - mean) ** 2 for v in d) / (n - 1) / n)
    print(f"{name}, paired by rows: {mean:+.4f} ({mean - half:+.4f} to {mean + half:+.4f})")


if __name__ == "__main__":
    main()
