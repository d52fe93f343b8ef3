"""Records what transformers' apply_chat_template machinery renders. Run from this folder, with transformers and jinja2:

    python make_fixtures.py
"""
import datetime, json, pathlib

import transformers.utils.chat_template_utils as ctu

HERE = pathlib.Path(__file__).parent


class Clock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls(2024, 7, 5, 9, 3, 7)


ctu.datetime = Clock

WEATHER = {"type": "function", "function": {"name": "weather", "description": "Tells the weather <now> & \"later\".", "parameters": {
    "type": "object", "properties": {"place": {"type": "string", "description": "Où? 東京"}, "days": {"type": "integer", "enum": [1, 2]}}, "required": ["place"]}}}

CHATS = {
    "one": dict(messages=[{"role": "user", "content": "Hello there"}], add_generation_prompt=True),
    "system": dict(messages=[{"role": "system", "content": "Be brief."}, {"role": "user", "content": "  Hi  "}, {"role": "assistant", "content": "Yes?\n"},
                             {"role": "user", "content": "Où est <b>'la' gare</b>? 東京 😀"}, {"role": "assistant", "content": "<think>\nhm\n</think>\n\nLà."}]),
    "empty": dict(messages=[], add_generation_prompt=True),
    "tools": dict(messages=[{"role": "system", "content": "S"}, {"role": "user", "content": "Weather?"},
                            {"role": "assistant", "content": None, "tool_calls": [{"type": "function", "id": "abc123def", "function": {"name": "weather", "arguments": {"place": "Oslo", "days": 2, "x": [1.5, None, True]}}}]},
                            {"role": "tool", "tool_call_id": "abc123def", "name": "weather", "content": "{\"t\": 4}"}, {"role": "tool", "content": "cold"},
                            {"role": "assistant", "content": "Four degrees."}], tools=[WEATHER], add_generation_prompt=True),
    "parts": dict(messages=[{"role": "user", "content": [{"type": "text", "text": "Look"}, {"type": "image"}, {"type": "text", "text": "here"}]}]),
    "reasoning": dict(messages=[{"role": "user", "content": "1+1?"}, {"role": "assistant", "content": "2", "reasoning_content": "easy"}, {"role": "user", "content": "sure?"}], enable_thinking=False, add_generation_prompt=True),
    "alternation": dict(messages=[{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]),
}

VARS = dict(bos_token="<s>", eos_token="</s>", n=3, neg=-7, f=2.5, big=12345678901, s="Hello, World", u="ÀÉ東😀", words=["pear", "Apple", "fig"],
            nums=[3, 1, 2, 3], nested=[{"k": "b", "v": 1, "in": {"x": [7, 8]}}, {"k": "a", "v": 2}, {"k": "b", "v": 3}], d={"b": 1, "a": [1, "x", None], "items": 5}, t=True, nothing=None)

SNIPPETS = r"""
{{ 1 + 2 * 3 ** 2 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 4 / 2 }} {{ 2.0 ** 3 }} {{ 1 - -1 }}
{{ 'a' ~ 1 ~ none ~ true ~ 1.0 ~ [1, 'x'] ~ {'a': (1,)} }}
{{ -n|abs }} {{ (-n)|abs }} {{ n is odd }} {{ n is divisibleby 3 }} {{ not n is even }}
{{ s[1:3] }} {{ s[-3:] }} {{ s[::-1] }} {{ u[1:3] }} {{ u[-1] }} {{ nums[::2] }} {{ nums[5:] }} {{ nums[-2:] }} {{ nums[::-1] }} {{ s[10:2:-3] }}
{{ s.upper() }} {{ s.split(', ') }} {{ s.split(',', 1)[1].strip() }} {{ 'a  b c'.split() }} {{ 'a,b,c'.rsplit(',', 1) }} {{ s.startswith('He') }} {{ s.endswith(('x', 'ld')) }}
{{ s.replace('l', 'L', 1) }} {{ s|replace('o', '0') }} {{ 'xxaxx'.strip('x') }} {{ s.find('W') }} {{ s.title() }} {{ 'hELLO wORLD'|capitalize }} {{ "it's x2y"|title }}
{{ words|join(', ') }} {{ nested|map(attribute='k')|list }} {{ nested|map(attribute='in.x.0')|list }} {{ words|map('upper')|join('-') }}
{{ nested|selectattr('k', 'equalto', 'b')|map(attribute='v')|list }} {{ nested|rejectattr('in')|list|length }} {{ nums|select('odd')|list }} {{ nums|reject('equalto', 3)|list }}
{{ words|sort }} {{ words|sort(case_sensitive=true) }} {{ nums|sort(reverse=true) }} {{ nested|sort(attribute='k')|map(attribute='v')|list }} {{ nums|unique|list }}
{{ words|first }} {{ words|last }} {{ nums|min }} {{ nums|max }} {{ nums|sum }} {{ nested|sum(attribute='v') }} {{ nums|reverse|list }} {{ s|reverse }} {{ []|first is defined }}
{{ d|tojson }} {{ d|tojson(indent=2) }} {{ '<é"\\\n\x01😀'|tojson }} {{ u|tojson(ensure_ascii=true) }} {{ d|tojson(separators=(',', ':')) }} {{ d|tojson(sort_keys=true) }} {{ []|tojson(indent=4) }} {{ {}|tojson }} {{ 1.0|tojson }}
{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %} {% for k in d %}{{ k }}{% endfor %} {% for k, v in d|dictsort %}{{ k }}{% endfor %} {{ d.get('zz') }} {{ d.get('zz', 4) }} {{ d.b }} {{ d['items'] }} {{ d.keys()|list }} {{ d.values()|list }}
{% for x in nums %}{{ loop.index }}/{{ loop.length }}{{ loop.first }}{{ loop.last }}{{ loop.revindex }}{{ loop.index0 }}{{ loop.previtem }}{{ loop.nextitem }}{{ loop.cycle('a', 'b') }}{% if not loop.last %},{% endif %}{% else %}none{% endfor %}
{% for x in [] %}x{% else %}none{% endfor %} {% for x in nums if x > 1 %}{{ x }}{{ loop.length }}{% endfor %} {% for x in missing %}x{% endfor %}
{% for x in nums %}{% if x == 1 %}{% continue %}{% endif %}{% if loop.index > 3 %}{% break %}{% endif %}{{ x }}{% endfor %}
{% set x = 1 %}{% for i in nums %}{% set x = x + i %}{{ x }}{% endfor %}{{ x }} {% set ns = namespace(x=1, y='a') %}{% for i in nums %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }}{{ ns.y }}{{ ns.z is defined }}
{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set (c, e) = [3, 4] %}{{ c + e }} {% set block %}hello {{ n }}{% endset %}{{ block|upper }}{% set up|upper %}low{% endset %}{{ up }}
{% macro m(a, b='B', c=none) %}[{{ a }}{{ b }}{{ c }}]{% endmacro %}{{ m(1) }}{{ m(1, 2) }}{{ m(1, c=3) }}{{ m() }}
{% macro wrap(x) %}<{{ caller() }}{{ x }}>{% endmacro %}{% call wrap(2) %}in{% endcall %} {% filter upper %}abc{{ s }}{% endfilter %} {% with q = 5, w = n %}{{ q + w }}{% endwith %}
{% for item in [1, [2, [3]]] recursive %}{% if item is iterable %}({{ loop(item) }}){% else %}{{ item }}{% endif %}{% endfor %}
{{ missing }} {{ missing is defined }} {{ missing|default('x') }} {{ ''|default('y', true) }} {{ ''|d('y') }} {{ none|default('z') }} {{ d.missing is undefined }} {{ nothing is none }} {{ missing or 'o' }} {{ 'a' if missing }}|
{{ missing.x }}
{{ missing + 1 }}
{{ nothing.x is defined }} {{ nothing['x'] is defined }}
{{ 'a' + 1 }}
{{ [1] + [2] }} {{ 'ab' * 2 }} {{ [0] * 3 }} {{ (1, 2) + (3,) }} {{ 'a' in 'abc' }} {{ 1 in nums }} {{ 'b' in d }} {{ 4 not in nums }} {{ 1 < n < 5 }} {{ 1 == 1.0 }} {{ true == 1 }} {{ 'a' < 'b' }} {{ [1, 2] < [1, 3] }}
{{ 1 if n > 2 else 2 }} {{ n > 2 and n < 4 }} {{ 0 or '' or none }} {{ '' and 1 }} {{ not none }} {{ 'x' if false else 'y' if false else 'z' }}
{{ s is string }} {{ n is number }} {{ t is boolean }} {{ d is mapping }} {{ nums is iterable }} {{ s is sequence }} {{ n is integer }} {{ f is float }} {{ t is true }} {{ t is integer }} {{ 'A' is upper }} {{ n is in nums }} {{ n is eq 3 }} {{ n is gt(2) }} {{ nothing is not none }} {{ m is callable }} {{ range is callable }} {{ nothing is sameas none }}
{{ range(3)|list }} {{ range(1, 10, 3)|list }} {{ range(3, 0, -1)|list }} {{ dict(a=1) }} {{ nums|length }} {{ u|length }} {{ u|count }}
{{ 1.0 }} {{ 1e3 }} {{ 1e20 }} {{ 1.5e-7 }} {{ 0.1 + 0.2 }} {{ 100000000000000000.0 }} {{ 2.5|round }} {{ 3.14159|round(2) }} {{ 3.7|int }} {{ '12'|int }} {{ 'x'|int }} {{ '1.5'|float }} {{ n|float }} {{ big }} {{ 1_000 }}
{{ "q'q" }} {{ ["it's", 'say "hi"', "both ' and \"", "tab\t\\ é \x01"] }} {{ 'a' 'b' }} {{ 'caf\u00e9 \U0001F600 \x41 \101 \q' }}
{{ '<a> & "b"'|escape }} {{ '<a>'|e }} {{ '<a>'|safe }} {{ '  x '|trim }}| {{ 'a\nb\n\nc'|indent(2) }}| {{ 'a\nb'|indent(2, true) }} {{ 'one two'|wordcount }} {{ 'x'|center(7) }}|
{{ nested|groupby('k')|length }} {% for g in nested|groupby('k') %}{{ g[0] }}:{{ g[1]|map(attribute='v')|list }};{% endfor %} {{ nums|batch(3)|list }} {{ nums|batch(3, 0)|list }} {{ d|items|list }}
{{ strftime_now('%d %b %Y') }} {{ strftime_now('%A, %B %-d, %H:%M:%S %y %j %I %p %%') }}
{{ raise_exception('no: ' ~ n) }}
{{ words.append('x') }}
{{ d.update({}) }}
{{ s.__class__ }}|
{{ s|nofilter }}
{% include 'x' %}
{{ 'a' }
{% if n %}
{% endfor %}
{{ 1 / 0 }}
{{ n.foo }}| {{ n.foo.bar }}
{{ s.isdigit() }} {{ '12'.isdigit() }} {{ 'ab'.isalpha() }} {{ ' '.isspace() }} {{ 'AB'.isupper() }} {{ 'a\nb\r\nc'.splitlines() }} {{ 'a-b-c'.partition('-') }} {{ 'abcabc'.rfind('b') }} {{ 'aXbX'.count('X') }} {{ 'pre-x'.removeprefix('pre-') }} {{ 'x.y'.removesuffix('.y') }} {{ '7'.zfill(3) }} {{ ', '.join(words) }} {{ 'ab'.ljust(4) }}|{{ 'ab'.center(5) }}|
{{ nums.index(2) }} {{ nums.count(3) }} {{ ()|list }} {{ (1,) }} {{ {'a': 1, 'b': {'c': [none, true]}} }} {{ [1, 2,] }} {{ {'x': 1,}.x }} {{ nested[0].in }} {{ nested[0]['in'].x[1] }} {{ nested.0.k }}
{# comment #}a{#- trimmed -#} b {{- ' c ' -}} d {%- if true -%} e {%- endif -%} f
{% raw %}{{ not }} {% rendered %}{% endraw %} {%- raw -%} x {%- endraw -%} y
{{ "}}" }} {{ '%}' }} {{ {'a': {'b': 1}}['a']['b'] }} {{ [[1]][0][0] }}
{{ t|string }} {{ none|string }} {{ [true]|tojson }} {{ nums|string }} {{ 3|string + 'x' }} {{ true + 1 }}
{% generation %}{% set inner = 1 %}gen{% endgeneration %}{{ inner is defined }}
{% if n == 1 %}1{% elif n == 3 %}3{% else %}x{% endif %}{% if false %}{% endif %} {% if true %}{% set leak = 'L' %}{% endif %}{{ leak }}
{{ words|map('length')|list }} {{ nums|map('string')|join }} {{ nested|map('items')|map('list')|first }} {{ nested|selectattr('in', 'defined')|list|length }} {{ words|select('in', ['fig'])|list }} {{ words|join(', ', ) }}
{{ nums|list == [3, 1, 2, 3] }} {{ nums|first + nums|last }} {{ -nums|first }} {{ 2 * nums|length }} {{ not nums|length > 3 }} {{ s|lower is eq('hello, world') }} {{ (s|lower).upper() }} {{ words|first|upper|lower }}
"""

MULTILINE = {
    "trim": "{% if true %}\n  a\n{% endif %}\n  {% set x = 1 %}\n\tb {% if x %} c {% endif %}\n  {# note #}\n{{ x }}\n\n  {%+ if x %}d{%+ endif %}\ne\n{% if x +%}\nf\n{% endif %}\n\n",
    "loop": "start\n{% for m in messages %}\n    {%- if m.role == 'user' %}\n        U: {{ m.content }}\n    {% else %}\n        O: {{ m.content -}}\n    {% endif %}\n{% endfor %}\nend\n",
    "crlf": "a\r\n{% if true %}\r\nb\r\n{% endif %}\r\n{{ 'x' }}\r\n",
    "lines": "{{ messages\n   | map(attribute='role')\n   | list }}\n{%\n  set x = [\n 1,\n 2 ] %}\n{{ x }}",
    "raw": "  {% raw %}\n  {% if %}\n  {% endraw %}\nz\n",
}


def render(template, kwargs):
    try:
        kwargs = dict(kwargs)
        messages = ctu._alias_reasoning_fields(ctu._normalize_chat_messages(kwargs.pop("messages", [])))
        compiled = ctu._compile_jinja_template(template)
        text, spans = ctu._render_with_assistant_indices(compiled, messages, kwargs.pop("tools", None), None, kwargs.pop("add_generation_prompt", False), **kwargs)
        to_bytes = lambda i: len(text[:i].encode())
        return dict(text=text, spans=[[to_bytes(a), to_bytes(b)] for a, b in spans])
    except Exception as e:
        return dict(error=f"{type(e).__name__}: {e}")


if __name__ == "__main__":
    out = []
    for line in SNIPPETS.strip("\n").split("\n"):
        out.append(dict(template=line, vars=VARS, **render(line, VARS)))
    for template in MULTILINE.values():
        out.append(dict(template=template, chat="system", **render(template, CHATS["system"])))
    for path in sorted((HERE / "templates").glob("*.jinja")):
        for name, chat in CHATS.items():
            out.append(dict(file=path.name, chat=name, **render(path.read_text(), dict(bos_token="<s>", eos_token="</s>") | chat)))
    for c in out:
        c.pop("vars", None)
    with open(HERE / "fixtures.json", "w") as f:
        f.write(json.dumps(dict(vars=VARS, chats=CHATS))[:-1] + ', "cases": [\n' + ",\n".join(json.dumps(c) for c in out) + "\n]}\n")
    print(len(out), "cases", sum("error" in c for c in out), "errors")
