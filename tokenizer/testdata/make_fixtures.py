"""Trains small tokenizers in the shapes that well-known models use, and records what the official library does
with hostile strings. Run from this folder, with the packages tokenizers and transformers installed:

    python make_fixtures.py
"""
import json, os, pathlib, random, shutil

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = pathlib.Path(__file__).parent
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
          r"|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
OTHER = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{M}]*[\p{Ll}\p{Lo}\p{M}]+|\p{N}{1,2}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s+(?!\S)|\s+"

CORPUS = [
    "The small boat left the harbour before the sun was up, and nobody on the quay said a word.",
    "She didn't know that they'd seen it; we've all been there, I'm sure, and he'll say it's fine.",
    "In 1998 the bridge cost 12345678 crowns, in 2024 it would cost ten times as much: 1,234.50 each.",
    "def area(width, height):\n    return width * height  # square metres\n",
    "Über den Dächern, früh am Morgen, läuft die Katze. Où est la gare? ¿Dónde está el niño?",
    "Сегодня хорошая погода, и мы идём гулять. 今日はとても良い天気ですね。我们去公园散步吧。",
    "The the the and and of of to to in in a a is is that that it it was was for for on on",
    "hello hello hello world world the other mother brother another thing things nothing something",
] * 4


def hostile():
    rng = random.Random(7)
    out = [
        "", " ", "  ", "\n", "\r\n", "\t\t x", "Hello world", " Hello world ", "hello   world  \n\n  next\n",
        "I'm you're HE'S they'LL we'Ve it'd 'S 'sabc 'ſ ''s x'ſy don't DON'T", "'", " '", "'l", "'lx", "'re're",
        "a1b22c333d4444 1234567890123 12,345.67 ½ ²³ ٣٤٥ १२३ Ⅷ", "3.14159e-10", "x" * 300, "aaaaaaaaaaaaaaaaaaaaaaa",
        "the" * 60, "!?!?!?...,,,;;;---", " !", "!\n", "!\r\n\r\nx", " !\n a", "\n\n\n", " \n \n ", "\u00a0x \u2003y\u3000z \u0085w",
        "👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 😀😃", "e\u0301 é \u00e9\u0301 a\u0323\u0301 ạ̇", "\u1e9b\u0323 ﬁ ﬃ Å Ω Å", "각 \u1100\u1161\u11a8",
        "日本語のテキスト、漢字とかな。", "ภาษาไทยไม่มีช่องว่าง", "اللغة العربية ١٢٣", "עִבְרִית", "हिन्दी क्षेत्र", "İstanbul ŞIMARIK ſ K",
        "\x00", "a\x00b", "\x01\x02\x7f\x80\x9f", "\ufeffBOM", "\ufffd\ufffe\uffff", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𐍈 \U0010ffff",
        "<s>", "</s>", "<s><s></s>", " <s> hi </s> ", "<|endoftext|>", "a<|endoftext|>b", "<|endoftext|><|endoftext|>", "<|endof",
        "<|im_start|>user\nHi<|im_end|>\n<|im_start|>", "<|im_start|><|im_start|>x", "[MASK] a [MASK] b[MASK]c  [MASK]  ",
        "word wordy aword word, WORD Word", "lstrip   <L>   x <R>   y  <B>  z", "<L><R><B>  <L>", "▁a ▁▁ b▁", "<0x41><0xE5>",
        "tab\tseparated\tvalues\n", "trailing spaces   ", "   leading", "mixed\r\rnew\n\rlines\r\n", "http://example.com/a?b=c&d=e#f",
        "ᏣᎳᎩ ꙮ ⴰⵎⴰⵣⵉⵖ", "a\u200bb\u200dc\u2060d", "\u202eabc\u202c", "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘",
    ]
    alphabet = list("abcdet hs  \n\r\t'.,!?0123456789<>|_-") + ["é", "e\u0301", "ß", "ſ", "日", "本", "한", "😀", "\u200d", "ा", "क",
                "\u00a0", "\u0301", "\u0085", "İ", "<s>", "</s>", "<|endoftext|>", "the", " the", "'s", "'LL", "<L>", "<R>", "<B>", "word"]
    out += ["".join(rng.choices(alphabet, k=rng.randint(1, 40))) for _ in range(60)]
    return out


def byte_level(vocab, pre, **model):
    t = Tokenizer(models.BPE(**model))
    t.pre_tokenizer = pre
    t.decoder = decoders.ByteLevel()
    return t, trainers.BpeTrainer(vocab_size=vocab, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)


def template(t, bos, eos=None):
    ids = [(x, t.token_to_id(x)) for x in (bos, eos) if x]
    tail = f" {eos}" if eos else ""
    tail1 = f" {eos}:1" if eos else ""
    return processors.TemplateProcessing(single=f"{bos} $A{tail}", pair=f"{bos} $A{tail} {bos}:1 $B:1{tail1}", special_tokens=ids)


def train(t, trainer, corpus=CORPUS):
    t.train_from_iterator(corpus, trainer)
    return t


def gpt2():
    t = train(*byte_level(420, pre_tokenizers.ByteLevel(add_prefix_space=False)))
    t.post_processor = processors.ByteLevel(trim_offsets=False)
    t.add_special_tokens([AddedToken("<|endoftext|>", normalized=True)])
    return t, dict(bos_token="<|endoftext|>", eos_token="<|endoftext|>", unk_token="<|endoftext|>")


def llama3():
    pre = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(LLAMA3), "isolated"), pre_tokenizers.ByteLevel(False, use_regex=False)])
    t = train(*byte_level(420, pre, ignore_merges=True))
    t.add_special_tokens(["<s>", "<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    t.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=True), template(t, "<s>")])
    return t, dict(bos_token="<s>", eos_token="<|im_end|>", pad_token="<|endoftext|>")


def qwen2():
    pre = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(QWEN2), "isolated"), pre_tokenizers.ByteLevel(False, use_regex=False)])
    t = train(*byte_level(400, pre))
    t.normalizer = normalizers.NFC()
    t.post_processor = processors.ByteLevel(trim_offsets=False)
    t.add_special_tokens(["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    t.add_tokens([AddedToken("word", normalized=False, single_word=True)])
    return t, dict(eos_token="<|im_end|>", pad_token="<|endoftext|>")


def smollm2():
    pre = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    t, trainer = byte_level(400, pre)
    trainer.special_tokens = [AddedToken(x, special=True) for x in ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<s>")]
    train(t, trainer)
    return t, dict(bos_token="<|im_start|>", eos_token="<|im_end|>", unk_token="<|endoftext|>", pad_token="<|im_end|>")


def sentencepiece(**bpe):
    specials = ["<unk>", "<s>", "</s>"]
    t = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    t.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    byte_tokens = [f"<0x{b:02X}>" for b in range(256)]
    train(t, trainers.BpeTrainer(vocab_size=620, special_tokens=specials + byte_tokens, show_progress=False), [c.replace("\n", " ") for c in CORPUS])
    d = json.loads(t.to_str())
    d["added_tokens"] = [a for a in d["added_tokens"] if a["content"] in specials]
    return d, specials


def llama2():
    d, _ = sentencepiece()
    t = Tokenizer.from_str(json.dumps(d))
    t.post_processor = template(t, "<s>")
    t.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    return t, dict(bos_token="<s>", eos_token="</s>", unk_token="<unk>")


def mistral():
    d, _ = sentencepiece()
    d["normalizer"] = None
    t = Tokenizer.from_str(json.dumps(d))
    t.pre_tokenizer = pre_tokenizers.Metaspace("▁", "first", split=False)
    t.post_processor = template(t, "<s>", "</s>")
    t.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    return t, dict(bos_token="<s>", eos_token="</s>", unk_token="<unk>", padding_side="left", pad_token="</s>")


def metaspace():
    d, _ = sentencepiece()
    d["normalizer"] = None
    d["model"]["byte_fallback"] = False
    t = Tokenizer.from_str(json.dumps(d))
    t.pre_tokenizer = pre_tokenizers.Metaspace("▁", "always", split=True)
    t.decoder = decoders.Metaspace("▁", "always", split=True)
    return t, dict(unk_token="<unk>")


def flags():
    t = Tokenizer(models.BPE(unk_token="<unk>"))
    t.normalizer = normalizers.Sequence([normalizers.Strip(), normalizers.NFKD(), normalizers.Lowercase(), normalizers.Replace(Regex(r"\d"), "0")])
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), pre_tokenizers.Punctuation("contiguous")])
    train(t, trainers.BpeTrainer(vocab_size=300, special_tokens=["<unk>"], show_progress=False))
    t.add_tokens([AddedToken("<L>", lstrip=True), AddedToken("<R>", rstrip=True, normalized=False), AddedToken("<B>", lstrip=True, rstrip=True),
                  AddedToken("word", single_word=True), AddedToken("Word", single_word=True, normalized=False)])
    t.add_special_tokens([AddedToken("[MASK]", lstrip=True, special=True), "<s>", "</s>"])
    t.post_processor = processors.RobertaProcessing(("</s>", t.token_to_id("</s>")), ("<s>", t.token_to_id("<s>")), trim_offsets=True, add_prefix_space=False)
    return t, dict(unk_token="<unk>", mask_token="[MASK]", sep_token="</s>", cls_token="<s>")


def regex():
    pre = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(OTHER), "removed", invert=True), pre_tokenizers.Split("e", "merged_with_previous"),
                                   pre_tokenizers.Split(Regex("o+"), "merged_with_next"), pre_tokenizers.ByteLevel(True, use_regex=False)])
    t = train(*byte_level(400, pre))
    t.post_processor = processors.ByteLevel(trim_offsets=True)
    t.add_tokens(["word", "the word"])
    return t, dict()


def write(name, t, config):
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    t.save(str(folder / "tokenizer.json"), pretty=False)
    (folder / "tokenizer_config.json").write_text(json.dumps(dict(tokenizer_class="PreTrainedTokenizerFast", model_max_length=512, **config)) + "\n")
    if name == "gpt2":
        files = HERE / "gpt2-files"
        shutil.rmtree(files, ignore_errors=True)
        files.mkdir()
        model = json.loads(t.to_str())["model"]
        (files / "vocab.json").write_text(json.dumps(model["vocab"] | {"<|endoftext|>": len(model["vocab"])}))
        (files / "merges.txt").write_text("#version: 0.2\n" + "".join(" ".join(m) + "\n" for m in model["merges"]))
        (files / "config.json").write_text('{"model_type": "gpt2"}\n')
    cases = []
    for text in hostile():
        plain, special = t.encode(text, add_special_tokens=False), t.encode(text)
        pair = t.encode(text, "the word")
        cases.append(dict(text=text, ids=plain.ids, tokens=plain.tokens, offsets=plain.offsets, special=special.ids,
                          special_offsets=special.offsets, special_mask=special.special_tokens_mask, pair=pair.ids, pair_types=pair.type_ids,
                          decode=t.decode(special.ids, skip_special_tokens=False), skip=t.decode(special.ids, skip_special_tokens=True)))
    rng = random.Random(3)
    size = t.get_vocab_size()
    decodes = []
    for _ in range(40):
        ids = [rng.randrange(size) for _ in range(rng.randint(1, 12))]
        decodes.append(dict(ids=ids, decode=t.decode(ids, skip_special_tokens=False), skip=t.decode(ids)))
    with open(folder / "cases.json", "w") as f:
        f.write('{"size": %d, "cases": [\n' % size + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases))
        f.write('\n], "decodes": [\n' + ",\n".join(json.dumps(c, separators=(",", ":")) for c in decodes) + "\n]}\n")


def calls():
    """Truncation and padding, which belong to transformers."""
    from transformers import PreTrainedTokenizerFast
    texts = ["The small boat", "hello", "she said that it's fine, and nobody knew a thing about the other"]
    out = []
    for name in ("llama3", "mistral", "flags"):
        t = PreTrainedTokenizerFast.from_pretrained(str(HERE / name))
        for side in ("left", "right"):
            for length in (3, 4, 7, 12):
                t.truncation_side = side
                for add in (True, False):
                    if name != "flags":
                        for padding in (False, "longest", "max_length"):
                            r = t(texts, truncation=True, max_length=length, padding=padding, padding_side=side, add_special_tokens=add)
                            out.append(dict(name=name, side=side, max=length, padding=padding or "", add=add, texts=texts, ids=r["input_ids"], mask=r["attention_mask"]))
                    r = t(texts[2], texts[0], truncation=True, max_length=length + 3, add_special_tokens=add)
                    out.append(dict(name=name, side=side, max=length + 3, padding="pair", add=add, texts=[texts[2], texts[0]], ids=[r["input_ids"]], mask=[r["attention_mask"]]))
    with open(HERE / "calls.json", "w") as f:
        f.write("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in out) + "\n]\n")


if __name__ == "__main__":
    os.chdir(HERE)
    for make in (gpt2, llama3, qwen2, smollm2, llama2, mistral, metaspace, flags, regex):
        write(make.__name__, *make())
    calls()
