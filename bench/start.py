"""start.py --hone BINARY --model DIR --data TRAIN.jsonl [--labels neg,pos] [--rows 0] [--rounds 3]

Seconds from the start of the process to the first training step, ready to begin and done, in hone and in transformers' Trainer, in
turn, the best of some rounds. Both read the same model and the same rows and tokenize all of them; the step is of one example. What the system
has cached after the first round stays cached for both. Needs torch and transformers.
"""
import argparse, json, os, re, subprocess, sys, tempfile, time

os.environ.setdefault("HF_HUB_OFFLINE", "1")
from common import HERE, expect, rows, write

ROW = re.compile(r"\s+1\s+\d+\.\d+\s+\d")  # step, epoch, loss


def watch(command, ready, first):
    """Runs command and returns the seconds until lines that contain ready and first."""
    begin = time.perf_counter()
    p = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    seen, text = {}, []
    for line in p.stdout:
        text.append(line)
        for name, mark in (("ready", ready), ("first", first)):
            if name not in seen and mark(line):
                seen[name] = time.perf_counter() - begin
    if p.wait() or len(seen) < 2:
        sys.exit(f"{' '.join(command)}\n{''.join(text)}")
    return seen["ready"], seen["first"], "".join(text)


def reference(a):
    """Runs in a process of its own."""
    import torch
    import transformers as hf
    from train import examples, pad

    class Clock(hf.TrainerCallback):
        def on_step_begin(self, args, state, control, **kw):
            print("READY", flush=True)

        def on_log(self, args, state, control, logs=None, **kw):
            if "loss" in logs:
                print("FIRST", json.dumps(logs), flush=True)

    tokenizer = hf.AutoTokenizer.from_pretrained(a.model)
    model = hf.AutoModelForCausalLM.from_pretrained(a.model, dtype=torch.float32)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    data = examples(tokenizer, a.data, a.labels.split(","))
    with tempfile.TemporaryDirectory() as out:
        args = hf.TrainingArguments(output_dir=out, per_device_train_batch_size=1, max_steps=1, learning_rate=2e-5, logging_steps=1, save_strategy="no",
                                    report_to="none", use_cpu=True, disable_tqdm=True)
        hf.Trainer(model=model, args=args, train_dataset=data, callbacks=[Clock()], data_collator=lambda r: pad(r, 0, tokenizer.eos_token_id)).train()


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--hone", required=True)
    p.add_argument("--model", required=True)
    p.add_argument("--data", required=True)
    p.add_argument("--labels", default="neg,pos")
    p.add_argument("--rows", type=int, default=0)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--reference", action="store_true", help=argparse.SUPPRESS)
    a = p.parse_args()
    if a.reference:
        return reference(a)
    best = {}
    with tempfile.TemporaryDirectory() as scratch:
        data = f"{scratch}/train.jsonl"
        write(data, rows(a.data, a.rows))
        for round_ in range(a.rounds):
            losses = {}
            for name, command, ready, first in (
                    ("hone", [a.hone, "train", "--model", a.model, "--dataset", data, "--labels", a.labels, "--eval_split", "none", "--output_dir", f"{scratch}/out{round_}",
                              "--per_device_train_batch_size", "1", "--max_steps", "1", "--learning_rate", "2e-5", "--logging_steps", "1", "--save_strategy", "no"],
                     lambda line: " a step, " in line, lambda line: ROW.match(line)),
                    ("HF Trainer", [sys.executable, str(HERE / "start.py"), "--reference", "--hone", a.hone, "--model", a.model, "--data", data, "--labels", a.labels],
                     lambda line: line.startswith("READY"), lambda line: line.startswith("FIRST"))):
                ready, first, text = watch(command, ready, first)
                line = next(l for l in text.splitlines() if l.startswith("FIRST") or ROW.match(l))
                losses[name] = float(json.loads(line[6:])["loss"] if line.startswith("FIRST") else line.split()[2])
                print(f"  {name:11} ready {ready:6.2f} s, first step done {first:6.2f} s, loss {losses[name]:.4f}", file=sys.stderr)
                old = best.get(name, (1e9, 1e9))
                best[name] = (min(old[0], ready), min(old[1], first))
            x, y = losses.values()
            expect(abs(x - y) < 1e-3 * abs(y), f"the first loss is {x} in hone, {y} in HF Trainer")
    for name, (ready, first) in best.items():
        print(f"{name:11} ready to train after {ready:6.2f} s, first step done after {first:6.2f} s")


if __name__ == "__main__":
    main()
