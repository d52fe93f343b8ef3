"""Talks to a running hone serve with OpenAI's own client for Python, unmodified.

    hone serve --model out --port 8080
    python openai_client.py http://127.0.0.1:8080 out

The model needs a chat template for the first half.
"""

import math
import sys

import openai

url, model = sys.argv[1], sys.argv[2]
client = openai.OpenAI(base_url=url + "/v1", api_key=sys.argv[3] if len(sys.argv) > 3 else "none")

assert model in [m.id for m in client.models.list()], "the model is not listed"
details = client.models.retrieve(model)

if details.model_extra["hone"]["chat"]:
    chat = dict(model=model, messages=[{"role": "user", "content": "Say hello."}], max_completion_tokens=12, seed=1, temperature=0.7)
    whole = client.chat.completions.create(**chat, logprobs=True, top_logprobs=2)
    assert len(whole.choices[0].logprobs.content) == whole.usage.completion_tokens
    text, usage = "", None
    for chunk in client.chat.completions.create(**chat, stream=True, stream_options={"include_usage": True}):
        usage = chunk.usage or usage
        for choice in chunk.choices:
            text += choice.delta.content or ""
    assert text == whole.choices[0].message.content, (text, whole)
    assert usage.total_tokens == whole.usage.total_tokens
    print("chat:", repr(text))

done = client.completions.create(model=model, prompt=["The movie was", "A film"], max_tokens=8, temperature=0, echo=True, logprobs=1)
for i, choice in enumerate(done.choices):
    assert choice.index == i and choice.text.startswith(["The movie was", "A film"][i])
    assert choice.logprobs.token_logprobs[0] is None
    print("completion:", repr(choice.text))

# The client asks for base64 unless told otherwise.
for form in [openai.NOT_GIVEN, "float"]:
    e = client.embeddings.create(model=model, input=["one text", "another"], encoding_format=form)
    for d in e.data:
        assert math.isclose(sum(x * x for x in d.embedding), 1, rel_tol=1e-5)
print("embeddings:", len(e.data), "of", len(e.data[0].embedding))

for bad, kind in [(dict(model="no/such"), openai.NotFoundError), (dict(model=model, temperature=9), openai.BadRequestError)]:
    try:
        client.completions.create(prompt="x", **bad)
        raise SystemExit("an error was expected")
    except kind as error:
        print("error:", error.body["message"])
