"""Writes permutations.json: what datasets' shuffle and train_test_split return for several sizes and seeds."""
import json
import pathlib

import datasets
import numpy as np

datasets.disable_progress_bars()
HERE = pathlib.Path(__file__).parent


def order(d):
    return d["i"][:]


perms, splits = [], []
for n in (0, 1, 2, 3, 7, 10, 100, 257):
    for seed in (0, 1, 42, 1234567890, 2**32, 2**63 + 11):
        perms.append({"n": n, "seed": str(seed), "order": np.random.default_rng(seed).permutation(n).tolist()})
# A long one by a few of its elements.
for n, seed in ((8530, 42), (100_000, 7), (1_000_003, 3)):
    p = np.random.default_rng(seed).permutation(n)
    at = [0, 1, 2, n // 3, n // 2, n - 2, n - 1]
    perms.append({"n": n, "seed": str(seed), "at": at, "order": p[at].tolist()})
for n in (2, 3, 10, 101):
    d = datasets.Dataset.from_dict({"i": list(range(n))})
    for seed in (0, 42):
        assert order(d.shuffle(seed=seed)) == np.random.default_rng(seed).permutation(n).tolist()
        for size in (0.1, 0.25, 0.3, 0.5, 0.51, 1, 2, 5):
            try:
                s = d.train_test_split(test_size=size, seed=seed)
            except ValueError:
                splits.append({"n": n, "seed": seed, "test_size": size, "error": True})
                continue
            splits.append({"n": n, "seed": seed, "test_size": size, "train": order(s["train"]), "test": order(s["test"])})

with open(HERE / "permutations.json", "w") as f:
    f.write('{"permutations":[\n' + ",\n".join(json.dumps(x, separators=(",", ":")) for x in perms))
    f.write('\n],"splits":[\n' + ",\n".join(json.dumps(x, separators=(",", ":")) for x in splits) + "\n]}\n")
