"""generate.py --hone BINARY --model DIR [--tokens 128] [--rounds 3]

Greedy decoding of one prompt in hone (float32 and int8) and in transformers (float32, all cores), in turn: milliseconds a
token, the best of some rounds, and whether the texts agree. hone's start and prompt are taken out by a second run of
one token.
"""
import argparse, os, subprocess, sys, time

os.environ.setdefault("HF_HUB_OFFLINE", "1")
import torch
import transformers as hf

PROMPT = "The movie was one of those that people talk about on the way home, because"


def hone(a, flags, tokens):
    start = time.perf_counter()
    p = subprocess.run([a.hone, "generate", "--model", a.model, "--prompt", PROMPT, "--no-do_sample", "--max_new_tokens", str(tokens),
                        "--min_new_tokens", str(tokens), *flags], capture_output=True, text=True, check=True)
    return time.perf_counter() - start, p.stdout


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--hone", required=True)
    p.add_argument("--model", required=True)
    p.add_argument("--tokens", type=int, default=128)
    p.add_argument("--rounds", type=int, default=3)
    a = p.parse_args()
    torch.set_num_threads(os.cpu_count())
    tokenizer = hf.AutoTokenizer.from_pretrained(a.model)
    model = hf.AutoModelForCausalLM.from_pretrained(a.model, dtype=torch.float32).eval()
    ids = tokenizer(PROMPT, return_tensors="pt")
    best, texts = {}, {}

    def note(name, seconds, text):
        best[name] = min(best.get(name, 1e9), seconds / a.tokens)
        texts[name] = text

    for _ in range(a.rounds):
        for name, flags in (("hone", []), ("hone int8", ["--dtype", "int8"])):
            one, _ = hone(a, flags, 1)
            all_, text = hone(a, flags, 1 + a.tokens)
            note(name, all_ - one, text)
        with torch.no_grad():
            generate = lambda n: model.generate(**ids, do_sample=False, max_new_tokens=n, min_new_tokens=n, pad_token_id=0)
            generate(1)
            t = time.perf_counter()
            generate(1)
            one = time.perf_counter() - t
            t = time.perf_counter()
            out = generate(1 + a.tokens)
            note("transformers", time.perf_counter() - t - one, tokenizer.decode(out[0]) + "\n")
    for name, seconds in best.items():
        same = "" if name == "transformers" else ", same text" if texts[name] == texts["transformers"] else ", other text"
        print(f"{name:14} {seconds * 1e3:7.1f} ms a token, {best['transformers'] / seconds:5.2f} times transformers' speed{same}")


if __name__ == "__main__":
    main()
