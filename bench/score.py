"""score.py --hone BINARY --model DIR --data FILE.jsonl [--labels neg,pos] [--batch 32] [--rows 0] [--rounds 2]

Classifies all texts of FILE by label words, in hone (hone predict, with weights in float32, bfloat16 and int8) and in transformers in two
ways, each in float32 and in bfloat16 (+bf16), in turn:

  hf      batches in the order of the file, padded to the longest, logits everywhere, as a pipeline does it
  tuned   rows sorted by length, logits at the last token only

Prints milliseconds a text, the best of some rounds, the ratio to hone, peak memory and how many texts get another class than in
transformers in float32; of hone's float32 these must be few: only ties may differ. hone's start is taken out by a second run of one text. DIR is a
classifier that hone trained, or any model, whose labels are then those of --labels. Needs torch and transformers.
"""
import argparse, json, os, sys, time

os.environ.setdefault("HF_HUB_OFFLINE", "1")
from common import HERE, expect, rows, timed


REFERENCES = ["hf", "tuned", "hf+bf16", "tuned+bf16"]


def classify(model, tokenizer, texts, labels, batch=32, tuned=True):
    """The class of each text: that of the likeliest label word after text + eos, summed over the word's tokens."""
    import torch

    words = [tokenizer(w, add_special_tokens=False)["input_ids"] for w in labels]
    prompts = [tokenizer(t, add_special_tokens=False)["input_ids"] + [tokenizer.eos_token_id] for t in texts]
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i])) if tuned else list(range(len(prompts)))
    scores = [[0.0] * len(words) for _ in prompts]
    with torch.no_grad():
        for at in range(0, len(order), batch):
            part = order[at:at + batch]
            if max(map(len, words)) == 1:
                for i, row in zip(part, last(model, [prompts[i] for i in part], tokenizer.eos_token_id, tuned)):
                    scores[i] = [row[w[0]].item() for w in words]
                continue
            for k, w in enumerate(words):
                for n in range(len(w)):
                    for i, row in zip(part, last(model, [prompts[i] + w[:n] for i in part], tokenizer.eos_token_id, tuned)):
                        scores[i][k] += row[w[n]].item()
    return [max(range(len(words)), key=s.__getitem__) for s in scores]


def last(model, ids, pad, tuned):
    """Log-probabilities after the last token of each row."""
    import torch

    width = max(map(len, ids))
    x = torch.tensor([r + [pad] * (width - len(r)) for r in ids])
    mask = torch.tensor([[1] * len(r) + [0] * (width - len(r)) for r in ids])
    ends = torch.tensor([len(r) - 1 for r in ids])
    if not tuned:
        logits = model(input_ids=x, attention_mask=mask, use_cache=False).logits[torch.arange(len(ids)), ends]
    else:
        whole = model.get_base_model() if hasattr(model, "get_base_model") else model
        body = getattr(whole, "transformer", None) or whole.model
        h = body(input_ids=x, attention_mask=mask, use_cache=False).last_hidden_state
        logits = whole.lm_head(h[torch.arange(len(ids)), ends])
    return torch.log_softmax(logits.float(), -1)


def reference(a):
    """Runs in a process of its own: one line of JSON."""
    import torch
    import transformers as hf

    torch.set_num_threads(a.threads)
    tokenizer = hf.AutoTokenizer.from_pretrained(a.model)
    model = hf.AutoModelForCausalLM.from_pretrained(a.model, dtype=torch.bfloat16 if a.reference.endswith("+bf16") else torch.float32).eval()
    texts = [r["text"] for r in rows(a.data, a.rows)]
    classify(model, tokenizer, texts[:a.batch], a.labels.split(","), a.batch, a.reference.startswith("tuned"))
    start = time.perf_counter()
    classes = classify(model, tokenizer, texts, a.labels.split(","), a.batch, a.reference.startswith("tuned"))
    print(json.dumps({"seconds": time.perf_counter() - start, "classes": classes}))


def predict(binary, model, labels, texts, threads, flags=()):
    """hone's classes, and what timed returns. Unless it is hone's own classifier, labels make it one."""
    labels = labels.split(",")
    asked = [] if os.path.exists(f"{model}/verbalizer.json") else ["--labels", ",".join(labels)]
    out, peak, wall = timed([binary, "predict", "--model", model, "--json", "--threads", str(threads), *asked, *flags],
                            stdin="".join(t.replace("\n", " ") + "\n" for t in texts))
    return [labels.index(json.loads(line)[0]["label"]) for line in out.splitlines()], peak, wall


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--hone", required=True)
    p.add_argument("--model", required=True)
    p.add_argument("--data", required=True)
    p.add_argument("--labels", default="neg,pos")
    p.add_argument("--batch", type=int, default=32)
    p.add_argument("--rows", type=int, default=0, help="only so many rows")
    p.add_argument("--rounds", type=int, default=2)
    p.add_argument("--threads", type=int, default=os.cpu_count())
    p.add_argument("--reference", choices=REFERENCES, help=argparse.SUPPRESS)
    a = p.parse_args()
    if a.reference:
        return reference(a)
    texts = [r["text"] for r in rows(a.data, a.rows)]
    best = {}
    for _ in range(a.rounds):
        for name, flags in (("hone", []), ("hone+bf16", ["--dtype", "bfloat16"]), ("hone int8", ["--dtype", "int8"])):
            _, _, start = predict(a.hone, a.model, a.labels, texts[:1], a.threads, flags)
            classes, peak, wall = predict(a.hone, a.model, a.labels, texts, a.threads, flags)
            note(best, name, wall - start, peak, classes)
        for name in REFERENCES:
            out, peak, _ = timed([sys.executable, str(HERE / "score.py"), "--reference", name, "--hone", a.hone, "--model", a.model, "--data", a.data,
                                  "--labels", a.labels, "--batch", str(a.batch), "--rows", str(a.rows), "--threads", str(a.threads)])
            r = json.loads(out.splitlines()[-1])
            note(best, name, r["seconds"], peak, r["classes"])
    print(f"{'':10} {'ms/text':>8} {'ratio':>6} {'peak GB':>8} {'other class':>12}")
    for name, r in best.items():
        other = sum(x != y for x, y in zip(r["classes"], best["hf"]["classes"]))
        expect(len(r["classes"]) == len(texts), f"{name} has {len(r['classes'])} classes for {len(texts)} texts")
        expect(name not in ("hone", "tuned") or other <= max(1, len(texts) // 500), f"{name} gives {other} of {len(texts)} texts another class than transformers")
        print(f"{name:10} {r['seconds'] / len(texts) * 1e3:8.2f} {r['seconds'] / best['hone']['seconds']:6.2f} {r['peak'] / 1e9:8.2f} {other:12}")


def note(best, name, seconds, peak, classes):
    print(f"  {name:10} {seconds:8.2f} s", file=sys.stderr)
    if name not in best or seconds < best[name]["seconds"]:
        best[name] = {"seconds": seconds, "peak": peak, "classes": classes}


if __name__ == "__main__":
    main()
