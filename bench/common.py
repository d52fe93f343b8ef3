"""What the scripts of this folder share: processes with their peak memory, results in a file, intervals."""
import json, math, pathlib, subprocess, sys, threading, time

HERE = pathlib.Path(__file__).parent


def timed(command, stdin=None):
    """Runs command and returns its standard output, the peak memory of the process in bytes as the system saw it, and seconds."""
    before = time.perf_counter()
    p = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    result = {}
    reader = threading.Thread(target=lambda: result.update(zip(("out", "err"), p.communicate(stdin))))
    reader.start()
    peak = 0
    while reader.is_alive():
        try:
            for line in open(f"/proc/{p.pid}/status"):
                if line.startswith("VmHWM"):
                    peak = max(peak, int(line.split()[1]) * 1024)
        except OSError:
            pass
        reader.join(0.05)
    wall = time.perf_counter() - before
    if p.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{result['err']}")
    return result["out"], peak, wall


def rows(path, most=0):
    """The rows of a JSONL file; if most, so many at even distances, since files are often sorted by class."""
    all_ = [json.loads(line) for line in open(path, encoding="utf-8")]
    return all_ if not most or most >= len(all_) else [all_[i * len(all_) // most] for i in range(most)]


def write(path, rows_):
    with open(path, "w", encoding="utf-8") as f:
        for r in rows_:
            f.write(json.dumps(r, ensure_ascii=False) + "\n")


def append(path, row):
    with open(path, "a", encoding="utf-8") as f:
        f.write(json.dumps(row) + "\n")


def done(path, key):
    """The last row of a results file whose entries are those of key, None if there is none."""
    found = None
    if path.exists():
        for line in open(path, encoding="utf-8"):
            row = json.loads(line)
            if all(row.get(k) == v for k, v in key.items()):
                found = row
    return found


def apart(x, y):
    """How far two lists of losses are apart, relatively, step by step as far as both go."""
    return [abs(a - b) / max(abs(b), 1e-9) for a, b in zip(x, y)]


def expect(ok, message):
    if not ok:
        sys.exit("not the same job: " + message)


def wilson(right, n):
    z = 1.959963984540054
    p = right / n
    centre, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (centre - half) / (1 + z * z / n), (centre + half) / (1 + z * z / n)


def mcnemar(x, y):
    """The exact two-sided p of two lists of right (1) and wrong (0), and how often only the one and only the other is right."""
    only_x, only_y = sum(a > b for a, b in zip(x, y)), sum(a < b for a, b in zip(x, y))
    n, k = only_x + only_y, min(only_x, only_y)
    p = min(1.0, 2 * sum(math.comb(n, i) for i in range(k + 1)) / 2**n) if n else 1.0
    return p, only_x, only_y
