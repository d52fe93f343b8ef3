"""compare.py --hone BINARY --model DIR --data TRAIN.jsonl [--batch 16] [--steps 20] [--rounds 2] [--modes hf,hf128,hf_group,tuned] [--length 512]

Runs the tutorial's fine-tuning job in hone and in the ways of train.py, in turn, on the same machine, and prints time per
example, the ratio to hone's best and how far the losses are apart. DIR is GPT-2 in Hugging Face layout with its
tokenizer; set its dropouts to 0 in config.json, so that losses can match. Needs torch and transformers.
"""
import argparse, json, os, pathlib, subprocess, sys, tempfile, time

HERE = pathlib.Path(__file__).parent


def timed(command):
    """Runs command and returns its standard output, and the peak memory of the process in bytes."""
    before = time.time()
    p = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    peak = 0
    while p.poll() is None:
        try:
            for line in open(f"/proc/{p.pid}/status"):
                if line.startswith("VmHWM"):
                    peak = max(peak, int(line.split()[1]) * 1024)
        except OSError:
            pass
        time.sleep(0.05)
    out, err = p.communicate()
    if p.returncode:
        sys.exit(f"{' '.join(command)}\n{err}")
    return out, peak, time.time() - before


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
        n = min(len(r["losses"]), len(ours["losses"]))
        apart = max(abs(x - y) / abs(y) for x, y in zip(r["losses"][:n], ours["losses"][:n]))
        same = "other order" if mode.startswith("hf_group") else f"{apart:.1e}"
        print(f"{mode:12} {r['per_example'] * 1e3:10.1f} {r['per_example'] / ours['per_example']:7.2f} {r['peak'] / 1e9:8.2f} {same:>11}")


if __name__ == "__main__":
    main()
