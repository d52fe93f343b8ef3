"""Trains tokenizers with the official library on texts of our own, for train_test.go. Run from this folder, with the
package tokenizers installed:

    python make_train_fixtures.py
"""
import hashlib, json, pathlib, random

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

HERE = pathlib.Path(__file__).parent
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
          r"|\s*[\r\n]+|\s+(?!\S)|\s+")
PATTERNS = {"llama3": LLAMA3, "qwen2": LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")}


def official(texts, pattern="gpt2", full=True, **options):
    """Trains the official library's BPE; full says that all 256 bytes are tokens."""
    t = Tokenizer(models.BPE())
    if pattern == "gpt2":
        t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    else:
        split = pre_tokenizers.Split(Regex(PATTERNS.get(pattern, pattern)), "isolated")
        t.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    t.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet() if full else []
    t.train_from_iterator(texts, trainers.BpeTrainer(initial_alphabet=alphabet, show_progress=False, **options))
    return t


PROSE = [
    "The ferry leaves at seven, and the ferryman doesn't wait: he's never waited, he'll never wait.",
    "We've counted 1024 lamps, 2048 chairs and 16384 spoons; 12,345.67 kronor were left over.",
    "if count > limit {\n\treturn fmt.Errorf(\"%d is more than %d\", count, limit)\n}\n\n\n",
    "Früh am Morgen läuft die Bäckerin über den Fluß. Où est l'école? ¿Quién habló? Çok güzel.",
    "Утром снег, вечером дождь, а завтра снова снег. 朝は雪、夜は雨。早上下雪,晚上下雨。",
    "low lower lowest new newer newest wide wider widest slow slower slowest newly lowly widely",
    "WHAT'S THIS? THEY'RE HERE! don't Don't DON'T can't Can't CAN'T   spaces    everywhere     here ",
    "naïve café 😀😀 👩‍👩‍👧‍👦 e\u0301te\u0301 ½ ² Ⅷ ٣٤٥ क्षेत्र ภาษาไทย\r\n\r\n<|endoftext|> <|pad|>",
]


def babble(seed, letters, words, length):
    rng = random.Random(seed)
    return " ".join("".join(rng.choices(letters, k=rng.randint(1, length))) for _ in range(words))


CORPORA = {
    "prose": PROSE * 3 + ["", " ", "\n", "a"],
    # nothing but ties: every pair is as frequent as its neighbours
    "ties": ["abcdefgh hgfedcba", "badcfehg", "aabbccdd ddccbbaa", "xyxyxyxy yxyxyxyx zzzzzzz zzzzzz zzzzz zzzz zzz"],
    "runs": ["a" * n for n in range(1, 40)] + ["ab" * n for n in range(1, 20)] + ["aab" * 30, "aba" * 31],
    # few letters: tokens that two pairs of others make, which merge again
    "two": [babble(1, "ab", 400, 9)], "three": [babble(2, "abc", 500, 12)], "five": [babble(3, "abcdé", 800, 8)],
    "deep": [babble(5, "ab", 60, 60)],
    "mixed": PROSE + [babble(4, "etaoin shrdlu 日本é0123'\n", 600, 20)],
}
CASES = [
    dict(corpus="prose", vocab_size=400), dict(corpus="prose", vocab_size=1000, min_frequency=4),
    dict(corpus="prose", vocab_size=300, special_tokens=["<|endoftext|>", "<|pad|>", "[MASK] "]),
    dict(corpus="prose", vocab_size=700, pattern="llama3"), dict(corpus="prose", vocab_size=700, pattern="qwen2"),
    dict(corpus="prose", vocab_size=500, pattern=r"\p{Lu}?\p{Ll}+|\d{2}"), dict(corpus="prose", vocab_size=257),
    dict(corpus="prose", vocab_size=256), dict(corpus="prose", vocab_size=600, max_token_length=5),
    dict(corpus="prose", vocab_size=500, max_token_length=1), dict(corpus="prose", vocab_size=600, max_token_length=3),
    dict(corpus="prose", vocab_size=600, special_tokens=["a", "er", "the", "Ġ", "Ġthe"]),
    dict(corpus="prose", vocab_size=400, full=False), dict(corpus="prose", vocab_size=400, full=False, limit_alphabet=256),
    dict(corpus="prose", vocab_size=2000, min_frequency=2, special_tokens=["<s>"], pattern="llama3", full=False),
    dict(corpus="ties", vocab_size=2000), dict(corpus="ties", vocab_size=300, min_frequency=2),
    dict(corpus="runs", vocab_size=2000), dict(corpus="runs", vocab_size=2000, min_frequency=30),
    dict(corpus="runs", vocab_size=2000, max_token_length=7), dict(corpus="two", vocab_size=2000),
    dict(corpus="two", vocab_size=280, full=False), dict(corpus="two", vocab_size=2000, special_tokens=["ab", "b", "abab"]),
    dict(corpus="three", vocab_size=2000, min_frequency=3), dict(corpus="three", vocab_size=60, full=False),
    dict(corpus="five", vocab_size=3000), dict(corpus="five", vocab_size=700, full=False, limit_alphabet=4),
    dict(corpus="deep", vocab_size=3000), dict(corpus="deep", vocab_size=3000, min_frequency=2),
    dict(corpus="mixed", vocab_size=1500), dict(corpus="mixed", vocab_size=1500, min_frequency=2, pattern="qwen2", max_token_length=9),
]


def main():
    cases = []
    for options in CASES:
        case = dict(options)
        corpus = case.pop("corpus")
        runs = [json.loads(official(CORPORA[corpus], **case).to_str()) for _ in range(3)]
        want = runs[0]["model"]
        if any(r["model"] != want for r in runs):
            print("the official library can't decide", options)
            continue
        vocab = sorted(want["vocab"], key=want["vocab"].get)
        assert [want["vocab"][t] for t in vocab] == list(range(len(vocab)))
        cases.append(dict(options=options, added=runs[0]["added_tokens"], pre=runs[0]["pre_tokenizer"],
                          merges="\n".join(" ".join(m) for m in want["merges"]), size=len(vocab),
                          vocab=hashlib.sha256("\n".join(vocab).encode()).hexdigest()))
    with open(HERE / "train.json", "w") as f:
        dump = lambda x: json.dumps(x, ensure_ascii=False)
        f.write('{"corpora":' + dump(CORPORA) + ',\n"cases":[\n' + ",\n".join(map(dump, cases)) + "\n]}\n")


if __name__ == "__main__":
    main()
