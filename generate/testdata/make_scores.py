"""Makes scores.json: what the reference's logits processors leave of rows of scores, ties included.

Needs torch==2.15.0 and transformers==5.24.0: python make_scores.py
"""
import json
import os

import torch
import transformers as hf

VOCAB, EOS = 40, [3, 7]
IDS = [5, 9, 9, 31, 5, 12, 9, 31, 5, 9]
PROMPT = 4
SETTINGS = [
    dict(typical_p=0.2), dict(typical_p=0.9, top_k=0), dict(typical_p=0.5, top_k=12, temperature=1.7), dict(top_k=1),
    dict(top_k=3), dict(top_k=39, top_p=0.5), dict(top_k=0, top_p=0.999), dict(top_k=0, top_p=0.0), dict(top_k=0, min_p=0.3),
    dict(bad_words_ids=[[3], [11], [5, 9, 20], [9, 21], [1, 22]], top_k=0), dict(suppress_tokens=[0, 9, 39], top_k=0),
    dict(min_new_tokens=7, top_k=0), dict(min_new_tokens=6, top_k=0), dict(min_length=11, top_k=0), dict(min_length=10, top_k=0),
    dict(no_repeat_ngram_size=1, top_k=0), dict(no_repeat_ngram_size=3, top_k=0),
    dict(repetition_penalty=1.5, no_repeat_ngram_size=2, bad_words_ids=[[9, 12]], suppress_tokens=[8], min_new_tokens=9,
         temperature=0.6, top_k=30, top_p=0.95, min_p=0.01, typical_p=0.8),
]


def rows():
    gen = torch.Generator().manual_seed(3)
    plain = (torch.randn(VOCAB, generator=gen) * 2).double().round(decimals=7).float()
    return {"plain": plain, "ties": (plain * 2).round() / 2, "flat": torch.zeros(VOCAB), "steep": plain * 8}


def probabilities(model, row, settings):
    config, _ = model._prepare_generation_config(None, do_sample=True, eos_token_id=EOS, **settings)
    model._prepare_special_tokens(config, device="cpu")
    config = model._prepare_generated_length(config, True, "min_length" not in settings, "input_ids", PROMPT, None)
    ids = torch.tensor([IDS])
    mask = {"attention_mask": torch.ones_like(ids)}
    processors = model._get_logits_processor(config, PROMPT, ids[:, :PROMPT], None, None, "cpu", mask)
    return torch.softmax(processors(ids, row[None].clone())[0], -1).tolist()


if __name__ == "__main__":
    here = os.path.dirname(os.path.abspath(__file__))
    model = hf.GPT2LMHeadModel(hf.GPT2Config(vocab_size=VOCAB, n_embd=4, n_layer=1, n_head=1, n_positions=64))
    model.generation_config = hf.GenerationConfig()
    cases = []
    for name, row in rows().items():
        for settings in SETTINGS:
            p = [round(x, 9) for x in probabilities(model, row, settings)]
            cases.append({"row": name, "settings": settings, "probabilities": p})
    with open(f"{here}/scores.json", "w") as f:
        rest = ",\n".join(json.dumps(c) for c in cases)
        scores = json.dumps({name: [round(x, 7) for x in row.tolist()] for name, row in rows().items()})
        f.write(f'{{"ids": {IDS}, "prompt": {PROMPT}, "eos": {EOS}, "rows": {scores}, "cases": [\n{rest}\n]}}\n')
