"""recipes.py --hone BINARY --model SMOL --data FOLDER --texts TEXTS.jsonl [--sources FOLDER] [--only multi-class,chat] [--flags "--bf16"]

Runs the recipes whose data everybody brings along, on data that is made here of two sets of texts, and prints for each the figures of
its line "measured": time, peak memory, and what was reached. SMOL is SmolLM2-135M-Instruct, FOLDER has rotten_tomatoes' train.jsonl and
test.jsonl, TEXTS is any JSONL of longer texts, SOURCES a folder of files of one text a line, each file a class of its own:

  multi-class            where a text is from: a class for each file of SOURCES, at most 2,000 rows each, 500 more to test
  prompt-completion      1,000 reviews, the completion is the word for the class
  chat                   500 conversations: a text's beginning, and how it goes on
  continued-pretraining  300 whole texts

Needs Python's standard library only.
"""
import argparse, json, pathlib, shlex, sys, tempfile

from common import HERE, rows, timed, write

RECIPES = HERE.parent / "recipes"


def multi_class(a, folder):
    files = sorted(pathlib.Path(a.sources).iterdir())
    splits = {"train": [], "test": []}
    for label, f in enumerate(files):
        lines = [l.strip() for l in open(f, encoding="utf-8", errors="replace") if l.strip()]
        splits["train"] += [{"text": t, "label": label} for t in lines[:2000]]
        splits["test"] += [{"text": t, "label": label} for t in lines[2000:2500]]
    for name, split in splits.items():
        write(folder / f"{name}.jsonl", split)
    names = [f.stem for f in files]
    return ["--dataset", str(folder), "--labels", ",".join(names), "--label_words", ",".join(" " + n for n in names), "--eval_split", "test"]


def prompt_completion(a, folder):
    words = [" bad", " good"]
    write(folder / "pairs.jsonl", [{"prompt": f"Review: {r['text']}\nVerdict:", "completion": words[r["label"]]}
                                   for r in rows(a.data / "train.jsonl", 1000)])
    return ["--dataset", str(folder / "pairs.jsonl")]


def chat(a, folder):
    chats = []
    for r in rows(a.texts, 500):
        w = r["text"].split()
        chats.append({"messages": [{"role": "user", "content": "Go on with this text: " + " ".join(w[:20])},
                                   {"role": "assistant", "content": " ".join(w[20:80]) or "The end."}]})
    write(folder / "chats.jsonl", chats)
    return ["--dataset", str(folder / "chats.jsonl")]


def continued(a, folder):
    write(folder / "texts.jsonl", [{"text": r["text"]} for r in rows(a.texts, 300)])
    return ["--dataset", str(folder / "texts.jsonl")]


JOBS = {"multi-class": multi_class, "prompt-completion": prompt_completion, "chat": chat, "continued-pretraining": continued}


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--hone", required=True)
    p.add_argument("--model", required=True)
    p.add_argument("--data", required=True, type=pathlib.Path)
    p.add_argument("--texts", required=True, type=pathlib.Path)
    p.add_argument("--sources")
    p.add_argument("--only", default=",".join(JOBS))
    p.add_argument("--flags", default="", help="more flags of hone train")
    a = p.parse_args()
    for name in a.only.split(","):
        if name == "multi-class" and not a.sources:
            print("multi-class: needs --sources", file=sys.stderr)
            continue
        with tempfile.TemporaryDirectory() as scratch:
            data, out = pathlib.Path(scratch) / "data", pathlib.Path(scratch) / "out"
            data.mkdir()
            stdout, peak, wall = timed([a.hone, "train", "--config", str(RECIPES / f"{name}.yaml"), "--model", a.model, "--output_dir", str(out), "--json",
                                        *JOBS[name](a, data), *shlex.split(a.flags)])
            r = json.loads(stdout)
            losses = [row["eval_loss"] for row in json.load(open(out / "trainer_state.json"))["log_history"] if "eval_loss" in row]
            print(f"{name}: {wall:.0f} s in all, {r['train_runtime']:.0f} s of it training, peak {peak / 1e9:.2f} GB, held-out losses "
                  + ", ".join(f"{l:.3f}" for l in losses)
                  + (f", accuracy {r['eval_accuracy']:.3f} ({r['eval_accuracy_low']:.3f} to {r['eval_accuracy_high']:.3f})" if "eval_accuracy" in r else ""), flush=True)


if __name__ == "__main__":
    main()
