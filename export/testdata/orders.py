"""Writes chats that turn an order into JSON, to fine-tune a model on and then ask it: orders.jsonl and, of other orders, asked.jsonl.

    python export/testdata/orders.py DIR
"""
import itertools, json, pathlib, random, sys

ITEMS = ["mug", "lamp", "chair", "notebook", "blanket", "candle", "basket", "clock"]
COUNTS = ["two", "three", "four", "five", "six", "seven", "eight", "nine"]
COLOURS = ["blue", "red", "green", "black", "white", "yellow"]
NAMES = ["Anna", "Boris", "Chen", "Dilek", "Emil", "Fatima", "Goran", "Hana"]
CITIES = ["Lyon", "Porto", "Turin", "Gdansk", "Leiden", "Malmo"]
SAYINGS = [
    "Please send {count} {colour} {item}s to {name} in {city}.",
    "{name} from {city} would like {count} {item}s, all of them {colour}.",
    "We need {count} {colour} {item}s; ship them to {city}, for {name}.",
    "Hello! It's {name}. Could I have {count} {item}s in {colour}? I live in {city}.",
]


def order(say, count, colour, item, name, city):
    told = dict(count=COUNTS.index(count) + 2, item=item, colour=colour, name=name, city=city)
    asked = say.format(count=count, colour=colour, item=item, name=name, city=city)
    return {"messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": json.dumps(told)}]}


def main():
    folder = pathlib.Path(sys.argv[1])
    every = list(itertools.product(SAYINGS, COUNTS, COLOURS, ITEMS, NAMES, CITIES))
    rows = [json.dumps(order(*o)) for o in random.Random(1).sample(every, 416)]
    for name, part in ("orders.jsonl", rows[:400]), ("asked.jsonl", rows[400:]):
        (folder / name).write_text("\n".join(part) + "\n")


main()
