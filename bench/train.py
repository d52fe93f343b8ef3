"""train.py MODE --model DIR --data FILE.jsonl [--steps N] [--batch 16] [--threads N]

Runs the tutorial's fine-tuning job for a number of optimizer steps and prints one JSON line: seconds of the training
loop, examples and losses. MODE is what it is measured against:

  hf          transformers.Trainer as the tutorial uses it: padded to the longest of the batch, logits everywhere
  hf128       the same, every row padded to 128 tokens
  hf_group    the same as hf, train_sampling_strategy group_by_length
  tuned       a loop by hand: the same batches as hf, no padding (packed rows with a block mask
              through scaled_dot_product_attention), logits at the label only, fused AdamW

All modes see the same examples in the same order (but hf_group), dropout 0, float32, AdamW without decay, and the
learning rate of the linear schedule. --bf16 adds torch's autocast on the CPU.
"""
import argparse, json, os, time

os.environ.setdefault("HF_HUB_OFFLINE", "1")
import torch
import transformers as hf


def examples(tokenizer, path, labels):
    """text + eos + label word, labels -100 but on the label word."""
    rows = []
    for line in open(path, encoding="utf-8"):
        r = json.loads(line)
        ids = tokenizer(r["text"], add_special_tokens=False)["input_ids"] + [tokenizer.eos_token_id]
        word = tokenizer(labels[r["label"]], add_special_tokens=False)["input_ids"]
        rows.append({"input_ids": ids + word, "labels": [-100] * len(ids) + word})
    return rows


def texts(tokenizer, path, length):
    """Whole texts cut into pieces of so many tokens, every token learned, as hone cuts them."""
    rows = []
    for line in open(path, encoding="utf-8"):
        ids = tokenizer(json.loads(line)["text"], add_special_tokens=False)["input_ids"] + [tokenizer.eos_token_id]
        while len(ids) > 1:
            rows.append({"input_ids": ids[:length], "labels": ids[:length]})
            ids = ids[length:]
    return rows


def pad(rows, width, token):
    n = width or max(len(r["input_ids"]) for r in rows)
    ids = torch.full((len(rows), n), token)
    labels = torch.full((len(rows), n), -100)
    mask = torch.zeros((len(rows), n), dtype=torch.long)
    for i, r in enumerate(rows):
        k = min(len(r["input_ids"]), n)
        ids[i, :k] = torch.tensor(r["input_ids"][-k:])
        labels[i, :k] = torch.tensor(r["labels"][-k:])
        mask[i, :k] = 1
    return {"input_ids": ids, "labels": labels, "attention_mask": mask}


class Clock(hf.TrainerCallback):
    """Starts after the first steps, which warm up allocators and compilers."""

    def __init__(self, warm):
        self.warm, self.losses, self.start = warm, [], None

    def on_step_end(self, args, state, control, **kw):
        if state.global_step == self.warm:
            self.start = time.perf_counter()

    def on_log(self, args, state, control, logs=None, **kw):
        if "loss" in logs:
            self.losses.append(logs["loss"])

    def on_train_end(self, args, state, control, **kw):
        self.seconds = time.perf_counter() - self.start


def trainer(a, model, tokenizer, rows):
    clock = Clock(a.warm)
    width = 128 if a.mode == "hf128" else 0
    args = hf.TrainingArguments(
        output_dir=os.path.join(a.out, a.mode), per_device_train_batch_size=a.batch,
        max_steps=-1 if a.epochs else a.steps + a.warm, num_train_epochs=a.epochs or 1,
        learning_rate=a.lr, warmup_steps=a.warmup, seed=a.seed, logging_steps=1, save_strategy="no", report_to="none", use_cpu=True, disable_tqdm=True, bf16=a.bf16, gradient_checkpointing=a.gradient_checkpointing,
        dataloader_num_workers=0, train_sampling_strategy="group_by_length" if a.mode == "hf_group" else "random")
    t = hf.Trainer(model=model, args=args, train_dataset=rows, callbacks=[clock],
                   data_collator=lambda r: pad(r, width, tokenizer.eos_token_id))
    t.train()
    return clock.seconds, clock.losses


def tuned(a, model, rows):
    """What a careful person writes in PyTorch: no padding, the head at labels only, one fused optimizer."""
    model.train()
    whole = model.get_base_model() if a.lora else model
    body = getattr(whole, "transformer", None) or whole.model
    opt = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=a.lr, weight_decay=0.0, fused=True)
    total = a.steps + a.warm
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(42)).tolist()
    losses, start = [], None
    for step in range(total):
        batch = [rows[i] for i in order[step * a.batch:(step + 1) * a.batch]]
        ids = torch.tensor([t for r in batch for t in r["input_ids"][:-1]])[None]
        pos = torch.tensor([p for r in batch for p in range(len(r["input_ids"]) - 1)])[None]
        lens = torch.tensor([len(r["input_ids"]) - 1 for r in batch])
        ends = torch.cumsum(lens, 0) - 1
        seq = torch.repeat_interleave(torch.arange(len(batch)), lens)
        same = seq[:, None] == seq[None, :]
        mask = (same & torch.ones_like(same).tril())[None, None]
        with torch.autocast("cpu", torch.bfloat16, enabled=a.bf16):
            h = body(input_ids=ids, position_ids=pos, attention_mask=mask, use_cache=False).last_hidden_state
            asked = torch.arange(ids.shape[1]) if a.length else ends
            logits = whole.lm_head(h[0, asked]).float()
        target = [t for r in batch for t in (r["labels"][1:] if a.length else r["labels"][-1:])]
        loss = torch.nn.functional.cross_entropy(logits, torch.tensor(target))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for g in opt.param_groups:
            g["lr"] = a.lr * (1 - step / total)
        opt.step()
        opt.zero_grad(set_to_none=True)
        losses.append(loss.item())
        if step + 1 == a.warm:
            start = time.perf_counter()
    return time.perf_counter() - start, losses


def main():
    p = argparse.ArgumentParser()
    p.add_argument("mode", choices=["hf", "hf128", "hf_group", "tuned"])
    p.add_argument("--model", required=True)
    p.add_argument("--data", required=True)
    p.add_argument("--steps", type=int, default=20)
    p.add_argument("--warm", type=int, default=3)
    p.add_argument("--batch", type=int, default=16)
    p.add_argument("--threads", type=int, default=os.cpu_count())
    p.add_argument("--out", default="/tmp/hone-bench")
    p.add_argument("--bf16", action="store_true")
    p.add_argument("--gradient_checkpointing", action="store_true", help="of hf's modes")
    p.add_argument("--base_dtype", default="float32", help="what the model is loaded in")
    p.add_argument("--lora", action="store_true", help="PEFT's LoRA, rank 8 on its default modules")
    p.add_argument("--lora_r", type=int, default=8)
    p.add_argument("--lora_alpha", type=int, default=16)
    p.add_argument("--lora_targets", help="all-linear, or names; PEFT's default if not given")
    p.add_argument("--labels", default="neg,pos", help="label words of the classes 0, 1 …")
    p.add_argument("--lr", type=float, default=2e-5)
    p.add_argument("--warmup", type=float, default=0, help="share of all steps")
    p.add_argument("--seed", type=int, default=42)
    p.add_argument("--epochs", type=float, default=0, help="train so long instead of --steps")
    p.add_argument("--test", help="rows to classify afterwards; the classes are printed too")
    p.add_argument("--length", type=int, default=0, help="language modelling on pieces of so many tokens instead of classification")
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    tokenizer = hf.AutoTokenizer.from_pretrained(a.model)
    model = hf.AutoModelForCausalLM.from_pretrained(a.model, dtype=getattr(torch, a.base_dtype))
    for key in ("embd_pdrop", "attn_pdrop", "resid_pdrop", "attention_dropout"):
        if hasattr(model.config, key):
            setattr(model.config, key, 0.0)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    if a.lora:
        import peft
        model = peft.get_peft_model(model, peft.LoraConfig(task_type="CAUSAL_LM", r=a.lora_r, lora_alpha=a.lora_alpha, target_modules=a.lora_targets, lora_dropout=0.0,
                                                           fan_in_fan_out=model.config.model_type == "gpt2"))
    rows = texts(tokenizer, a.data, a.length) if a.length else examples(tokenizer, a.data, a.labels.split(","))
    seconds, losses = tuned(a, model, rows) if a.mode == "tuned" else trainer(a, model, tokenizer, rows)
    classes = None
    if a.test:
        from score import classify
        classes = classify(model.eval(), tokenizer, [json.loads(line)["text"] for line in open(a.test, encoding="utf-8")], a.labels.split(","))
    print(json.dumps({"classes": classes, "mode": a.mode + ("+bf16" if a.bf16 else ""), "seconds": seconds, "steps": a.steps,
                      "examples_per_second": a.steps * a.batch / seconds, "losses": losses}))


if __name__ == "__main__":
    main()
