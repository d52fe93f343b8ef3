"""Checks that transformers' AutoTokenizer reads what Save writes, with the same results as the original. Run from this
folder, with transformers installed:

    python check_save.py
"""
import os, pathlib, subprocess, tempfile

from transformers import AutoTokenizer

from make_fixtures import hostile

HERE = pathlib.Path(__file__).resolve().parent

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as tmp:
        subprocess.run(["go", "test", "-count=1", "-run", "^TestSave$", "./tokenizer"], cwd=HERE.parent.parent, env=dict(os.environ, HONE_TOKENIZER_SAVE=tmp), check=True)
        for folder in sorted(pathlib.Path(tmp).iterdir()):
            a, b = AutoTokenizer.from_pretrained(str(HERE / folder.name)), AutoTokenizer.from_pretrained(str(folder))
            assert type(a) is type(b) and len(a) == len(b) and a.special_tokens_map == b.special_tokens_map, folder.name
            for text in hostile():
                ids = a(text)["input_ids"]
                assert ids == b(text)["input_ids"] and a.decode(ids) == b.decode(ids), (folder.name, text)
            print(folder.name, "is the same")
