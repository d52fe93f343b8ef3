"""Writes the fixtures of package dataset: small files as pyarrow and datasets write them, and what datasets
makes of file names (splits.json), CSV and JSON (rows.json), and strings as labels."""
import json
import pathlib
import random
import shutil
import tempfile

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
from datasets.info import DatasetInfo, DatasetInfosDict
from datasets.load import load_dataset_builder
from datasets.utils.metadata import MetadataConfigs
from huggingface_hub import DatasetCardData

datasets.disable_progress_bars()
HERE = pathlib.Path(__file__).parent
rng = random.Random(1)

WORDS = "a quiet film about two sisters who run a bakery near the harbour and never say what they mean naïve größer 映画".split()


def sentence(n):
    return " ".join(rng.choice(WORDS) for _ in range(n))


# Parquet ---------------------------------------------------------------------------------------------------
OUT = HERE / "parquet"
shutil.rmtree(OUT, ignore_errors=True)
OUT.mkdir()
expect = {}

reviews = datasets.Dataset.from_dict(
    {"text": [sentence(rng.randrange(3, 12)) for _ in range(60)], "label": [i % 2 for i in range(60)]},
    features=datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["neg", "pos"])}),
)
reviews.to_parquet(OUT / "classlabel.parquet")
expect["classlabel"] = reviews.to_list()

chat = [
    {"id": 1, "messages": [{"role": "user", "content": "Hi \"there\"\n"}, {"role": "assistant", "content": "Hello!"}], "tags": ["x", None, "y"]},
    {"id": 2, "messages": [], "tags": None},
    {"id": None, "messages": None, "tags": []},
    {"id": 4, "messages": [{"role": "user", "content": None}], "tags": ["größe"]},
    {"id": 5, "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u\u0001"}, {"role": "assistant", "content": "a"}], "tags": ["z"]},
]
schema = pa.schema([
    ("id", pa.int32()),
    ("messages", pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))),
    ("tags", pa.list_(pa.string())),
])
table = pa.Table.from_pylist(chat, schema=schema)
pq.write_table(table, OUT / "messages.parquet", row_group_size=2)
expect["messages"] = chat
pq.write_table(table, OUT / "messages_v2.parquet", data_page_version="2.0", compression="zstd")
expect["messages_v2"] = chat
deep = [
    {"d": {"turns": [[1, 2], [], None, [3]], "meta": {"ok": True, "score": 0.5}}},
    {"d": None},
    {"d": {"turns": [], "meta": None}},
    {"d": {"turns": None, "meta": {"ok": None, "score": -1.25}}},
]
deep_schema = pa.schema([("d", pa.struct([("turns", pa.list_(pa.list_(pa.int64()))), ("meta", pa.struct([("ok", pa.bool_()), ("score", pa.float64())]))]))])
pq.write_table(pa.Table.from_pylist(deep, schema=deep_schema), OUT / "deep.parquet")
expect["deep"] = deep

n = 300
flat = {
    "s": pa.array([None if i % 7 == 3 else sentence(i % 5) for i in range(n)], pa.string()),
    "i8": pa.array([i % 256 - 128 for i in range(n)], pa.int8()),
    "u32": pa.array([2**32 - 1 - i for i in range(n)], pa.uint32()),
    "i64": pa.array([None if i % 11 == 0 else (i - 150) * 10**15 for i in range(n)], pa.int64()),
    "f32": pa.array([i / 8 for i in range(n)], pa.float32()),
    "f64": pa.array([None if i % 13 == 0 else i / 3 for i in range(n)], pa.float64()),
    "b": pa.array([None if i % 17 == 0 else i % 3 == 0 for i in range(n)], pa.bool_()),
    "big": pa.array(["shared prefix " + str(i // 3) for i in range(n)], pa.large_string()),
    "none": pa.nulls(n),
    "raw": pa.array([b"\xff\x00"] * n, pa.binary()),
}
flat_table = pa.table(flat)
rows = flat_table.drop_columns(["raw"]).to_pylist()
variants = {
    "plain": dict(use_dictionary=False, compression="none"),
    "snappy": dict(compression="snappy", data_page_size=512),
    "gzip_v2": dict(compression="gzip", data_page_version="2.0", data_page_size=512),
    "zstd_v2": dict(compression="zstd", data_page_version="2.0", row_group_size=77),
    "lz4": dict(compression="lz4"),
    "delta": dict(use_dictionary=False, compression="snappy", column_encoding={
        "s": "DELTA_BYTE_ARRAY", "i8": "DELTA_BINARY_PACKED", "u32": "DELTA_BINARY_PACKED", "i64": "DELTA_BINARY_PACKED",
        "f32": "BYTE_STREAM_SPLIT", "f64": "BYTE_STREAM_SPLIT", "big": "DELTA_LENGTH_BYTE_ARRAY", "b": "RLE"}),
}
for name, kw in variants.items():
    pq.write_table(flat_table, OUT / f"flat_{name}.parquet", **kw)
(HERE / "parquet_rows.json").write_text(json.dumps({"rows": expect, "flat": rows}, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")

# The same rows compressed -----------------------------------------------------------------------------------
TEXT = HERE / "text"
shutil.rmtree(TEXT, ignore_errors=True)
TEXT.mkdir()
jsonl = "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in reviews.to_list()).encode()
for name in ("gzip", "zstd"):
    with pa.CompressedOutputStream(pa.OSFile(str(TEXT / ("reviews.jsonl." + {"gzip": "gz", "zstd": "zst"}[name])), "wb"), name) as f:
        f.write(jsonl)

# Splits ----------------------------------------------------------------------------------------------------
CONFIGS = """---
license: mit
configs:
- config_name: en
  default: true
  data_files:
  - split: test
    path: en/held_out.jsonl
  - split: train
    path: ["en/a-*.jsonl", en/extra.jsonl]
- config_name: de
  data_files: de/*.jsonl
---
# A card
"""
DATA_DIR = """---
configs:
- config_name: only
  data_dir: sub
---
"""
LAYOUTS = [
    (["my.csv"], "", ""),
    (["train.csv", "test.csv"], "", ""),
    (["data/train.csv", "data/test.csv", "data/val.csv"], "", ""),
    (["train_0.jsonl", "train_1.jsonl", "train_10.jsonl", "train_2.jsonl", "test_0.jsonl"], "", ""),
    (["training.json", "validation.json", "evaluation.json"], "", ""),
    (["my-train-v2.parquet", "my-dev.parquet", "my.test.parquet"], "", ""),
    (["contest.csv", "latest.csv"], "", ""),
    (["trainer.csv", "devset.csv"], "", ""),
    (["train1.csv", "TEST.csv"], "", ""),
    (["2023 test.csv", "train part.csv"], "", ""),
    (["data/train/a.csv", "data/train/b.csv", "data/test/a.csv"], "", ""),
    (["train/x/deep/a.jsonl", "valid_split/b.jsonl", "my_eval/c.jsonl", "other/d.jsonl"], "", ""),
    (["pretrain-data/a.txt", "big-train-x/b.txt"], "", ""),
    (["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet", "data/test-00000-of-00001.parquet"], "", ""),
    (["data/random-00000-of-00001.parquet", "data/validation-00000-of-00001.parquet", "data/abc-00000-of-00001-deadbeef.parquet", "other/train.parquet"], "", ""),
    (["default/train/0000.parquet", "default/test/0000.parquet", "default/train/0001.parquet"], "", ""),
    (["train.jsonl", "train.parquet", "test.parquet", "dataset_infos.json"], "", ""),
    (["a.jsonl", "b.jsonl", "notes.txt"], "", ""),
    (["train.jsonl", "more_train.json", "test.json"], "", ""),
    ([".hidden/train.csv", "train.csv", "__cache__/test.csv", ".test.csv"], "", ""),
    (["train.jsonl.gz", "dev.jsonl.gz"], "", ""),
    (["en/a-1.jsonl", "en/a-2.jsonl", "en/extra.jsonl", "en/held_out.jsonl", "de/x.jsonl", "de/y.jsonl"], CONFIGS, ""),
    (["en/a-1.jsonl", "en/a-2.jsonl", "en/extra.jsonl", "en/held_out.jsonl", "de/x.jsonl", "de/y.jsonl"], CONFIGS, "de"),
    (["sub/train.csv", "sub/test.csv", "train.csv"], DATA_DIR, ""),
]
cases = []
for files, readme, config in LAYOUTS:
    with tempfile.TemporaryDirectory() as tmp:
        base = pathlib.Path(tmp) / "set"
        for f in files:
            p = base / f
            p.parent.mkdir(parents=True, exist_ok=True)
            if p.suffix == ".parquet":
                pq.write_table(pa.table({"text": ["x"]}), p)
            else:
                p.write_text("{}" if f == "dataset_infos.json" else '{"text": "x"}\n')
        if readme:
            (base / "README.md").write_text(readme)
        b = load_dataset_builder(str(base), name=config or None, cache_dir=tmp + "/cache")
        got = {str(s): sorted_paths for s, sorted_paths in b.config.data_files.items()}
        rel = {s: list(dict.fromkeys(pathlib.Path(p).resolve().relative_to(base.resolve()).as_posix() for p in ps)) for s, ps in got.items()}
        cases.append({"files": files, "readme": readme, "config": config, "splits": rel})
(HERE / "splits.json").write_text("[\n" + ",\n".join(json.dumps(c, ensure_ascii=False) for c in cases) + "\n]\n")

# Rows of CSV and JSON as datasets reads them ----------------------------------------------------------------
SOURCES = {
    "a.csv": 'text,label,score,ok,gap\n"one, two",1,0.5,True,\n"line\nbreak ""q""",0,1,False,3\nplain,1,2.5e3,True,4\n',
    "b.csv": "\ufefftext,label\r\nfirst,pos\r\nsecond \"mid\" quote,neg\r\n\r\n",
    "c.tsv": "text\tlabel\nwith, comma\t0\nx\t1\n",
    "d.jsonl": '{"text": "a\\u00e9\\n\\ud83d\\ude00", "label": 0, "m": [{"role": "user", "content": "x"}]}\n{"label": 1, "text": "b", "m": []}\n',
    "e.json": '[{"text": "a", "label": 1.5}, {"text": null, "label": 2}]',
    "f.txt": "first\n\n  third \nlast",
    "h.json": '["one", "two \\u00e9"]',
    "g.json": '[\n  {\n    "text": "a"\n  },\n  {\n    "text": "b"\n  }\n]\n',
}
rows = []
for name, text in SOURCES.items():
    with tempfile.TemporaryDirectory() as tmp:
        p = pathlib.Path(tmp) / name
        p.write_bytes(text.encode())
        kind = {"csv": "csv", "tsv": "csv", "jsonl": "json", "json": "json", "txt": "text"}[p.suffix[1:]]
        kw = {"sep": "\t"} if p.suffix == ".tsv" else {}
        d = datasets.load_dataset(kind, data_files=str(p), split="train", cache_dir=tmp, **kw)
        rows.append({"name": name, "source": text, "columns": d.column_names, "rows": d.to_list()})
encoded = datasets.Dataset.from_dict({"label": ["pos", "neg", "Neutral", "ärger", "neg", "zeta"]}).class_encode_column("label")
(HERE / "rows.json").write_text(json.dumps({"files": rows, "encoded": {
    "source": ["pos", "neg", "Neutral", "ärger", "neg", "zeta"], "names": encoded.features["label"].names, "ids": encoded["label"][:]}},
    ensure_ascii=False, indent=1) + "\n", encoding="utf-8")

# A README as push_to_hub writes it -----------------------------------------------------------------------------
features = datasets.Features({
    "text": datasets.Value("string"),
    "label": datasets.ClassLabel(names=["no", "yes: it is", "null", "3"]),
    "messages": [{"role": datasets.Value("string"), "content": datasets.Value("string")}],
    "tags": datasets.Sequence(datasets.ClassLabel(names=["O", "B"])),
})
data = DatasetCardData(license="mit", tags=["é", "a: b"])
infos = {name: DatasetInfo(config_name=name, features=features, dataset_size=123, splits=datasets.SplitDict.from_split_dict(
    [{"name": "train", "num_bytes": 12, "num_examples": 3}])) for name in ("default", "other")}
DatasetInfosDict(infos).to_dataset_card_data(data)
MetadataConfigs({
    "default": {"data_files": [{"split": "train", "path": "data/train-*"}, {"split": "test", "path": "data/test-*"}]},
    "other": {"data_files": [{"split": "train", "path": "other/train-*"}]},
}).to_dataset_card_data(data)
(HERE / "card.md").write_text(f"---\n{data}\n---\n# A card\n", encoding="utf-8")
