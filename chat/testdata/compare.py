"""Compares the Go package with transformers on the chat templates of a folder, which are not part of the project:

    python compare.py FOLDER     # such as trl/chat_templates among Python's packages
"""
import json, os, pathlib, subprocess, sys, tempfile

from make_fixtures import CHATS, HERE, render

MORE = {
    "calls": dict(messages=[{"role": "user", "content": "x"}, {"role": "assistant", "content": "", "tool_calls": [
        {"id": "a1b2c3d4e", "type": "function", "function": {"name": "f", "arguments": {"a": "é<>&'\"", "n": 1.0, "l": [1, {"z": None}]}}},
        {"id": "a1b2c3d4f", "type": "function", "function": {"name": "g", "arguments": {}}}]}, {"role": "tool", "name": "f", "tool_call_id": "a1b2c3d4e", "content": "1"},
        {"role": "tool", "name": "g", "tool_call_id": "a1b2c3d4f", "content": "2"}, {"role": "assistant", "content": "<think>so</think>done", "reasoning_content": "so"}], tools=CHATS["tools"]["tools"]),
    "long": dict(messages=[m for i in range(4) for m in ({"role": "user", "content": f" q{i} \n"}, {"role": "assistant", "content": f"\n a{i} "})]),
    "developer": dict(messages=[{"role": "developer", "content": "D"}, {"role": "user", "content": "u"}, {"role": "assistant", "content": [{"type": "text", "text": "t"}]}], add_generation_prompt=True, enable_thinking=True),
}

if __name__ == "__main__":
    out = []
    chats = CHATS | MORE
    for path in sorted(pathlib.Path(sys.argv[1]).glob("*.jinja")):
        for name, chat in chats.items():
            c = render(path.read_text(), dict(bos_token="<s>", eos_token="</s>") | chat)
            out.append(dict(file=path.name, template=path.read_text(), chat=name, **c))
    print(len(out), "renderings,", sum("error" in c for c in out), "of which transformers refuses")
    with tempfile.NamedTemporaryFile("w", suffix=".json", delete=False) as f:
        json.dump(dict(vars={}, chats=chats, cases=out), f)
    env = dict(os.environ, HONE_CHAT_COMPARE=f.name)
    code = subprocess.run(["go", "test", "-count=1", "-run", "^TestCompare$", "."], cwd=HERE.parent, env=env).returncode
    os.unlink(f.name)
    sys.exit(code)
