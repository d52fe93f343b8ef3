"""Writes collators.json: what transformers' data collators make of ragged rows. Run with transformers installed."""
import json
import pathlib

import torch
import transformers as hf
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

vocab = {f"t{i}": i for i in range(20)}
ROWS = [{"input_ids": [5, 6, 7], "labels": [-100, -100, 7]}, {"input_ids": [1, 2, 3, 4, 9], "labels": [1, 2, 3, 4, 9]},
        {"input_ids": [8], "labels": [8]}]
out = {"rows": ROWS, "pad": 9}
for side in ("right", "left"):
    tok = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.WordLevel(vocab, unk_token="t0")), pad_token="t9", padding_side=side)
    for multiple in (None, 4):
        key = f"{side}-{multiple or 1}"
        ids = [{"input_ids": r["input_ids"], "attention_mask": [1] * len(r["input_ids"])} for r in ROWS]
        both = [{**a, "labels": r["labels"]} for a, r in zip(ids, ROWS)]
        lists = lambda batch: {k: v.tolist() for k, v in batch.items()}
        out[key] = {
            "padding": lists(hf.DataCollatorWithPadding(tok, pad_to_multiple_of=multiple)(ids)),
            "seq2seq": lists(hf.DataCollatorForSeq2Seq(tok, pad_to_multiple_of=multiple)(both)),
            "lm": lists(hf.DataCollatorForLanguageModeling(tok, mlm=False, pad_to_multiple_of=multiple)(ids)),
        }
pathlib.Path(__file__).with_name("collators.json").write_text(json.dumps(out) + "\n")
