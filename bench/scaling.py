"""scaling.py [--time 3x] [--rounds 3] [--only REGEXP]

How the time of a training example grows with the batch, the length, the model and the threads, one at a time, from one run: forward and backward
of the benchmark in model/scaling_test.go, each the fastest of some rounds, as a Markdown table. Needs Go only.
"""
import argparse, re, subprocess, sys

from common import HERE

TITLES = {"batch": "batch", "length": "tokens an example (batch 4)", "model": "layers × width (batch 16)", "threads": "threads (batch 16)"}


def params(shape):
    """Parameters of a GPT-2 of that shape, and those outside the vocabulary."""
    layers, width = map(int, shape.split("x"))
    blocks = layers * (12 * width * width + 13 * width) + 2 * width
    return blocks + (50257 + 1024) * width, blocks


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--time", default="3x", help="go test's -benchtime")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--only", default="", help="cases such as batch or model=4x256")
    a = p.parse_args()
    command = ["go", "test", "./model", "-run", "xxx", "-bench", "BenchmarkScaling/" + a.only, "-benchtime", a.time, "-count", "1", "-timeout", "2h"]
    best, order = {}, []
    for _ in range(a.rounds): # whole rounds, so that what else the machine does meets all cases alike
        out = subprocess.run(command, cwd=HERE.parent, capture_output=True, text=True)
        if out.returncode:
            sys.exit(out.stdout + out.stderr)
        for line in out.stdout.splitlines():
            m = re.match(r"BenchmarkScaling/(\w+)=(\S+?)(?:-\d+)?\s.*?([\d.]+) GFLOP/s\s+([\d.]+) ms/example", line)
            if m is None:
                continue
            key, rate, ms = (m[1], m[2]), float(m[3]), float(m[4])
            if key not in best:
                order.append(key)
            if key not in best or ms < best[key][0]:
                best[key] = (ms, rate)
    if not best:
        sys.exit("no case matches\n" + out.stdout)
    print("GPT-2 124M (but for the model's rows), 27 tokens an example, batch 16, all threads, unless a row says otherwise.\n")
    print("| | | ms an example | times the first | GFLOP/s |\n|---|---|---|---|---|")
    first, last = {}, None
    for what, value in order:
        ms, rate = best[what, value]
        first.setdefault(what, ms)
        label = value
        if what == "model":
            all_, blocks = params(value)
            label = f"{value.replace('x', '×')}: {all_ / 1e6:.0f} M, {blocks / 1e6:.1f} M outside the vocabulary"
        print(f"| {TITLES.get(what, what) if what != last else ''} | {label} | {ms:.3g} | {ms / first[what]:.2f} | {rate:.0f} |")
        last = what


if __name__ == "__main__":
    main()
