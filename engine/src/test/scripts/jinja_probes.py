"""Templates and variables for jinja_goldens.py."""

TOOLS = [{"type": "function", "function": {
    "name": "get_weather", "description": "Get <the> weather é", "parameters": {
        "type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 0}}, "required": ["city"]}}},
    {"type": "function", "function": {"name": "add", "parameters": {"type": "object", "properties": {}}}}]
CALLS = [
    {"type": "function", "id": "1", "function": {"name": "get_weather", "arguments": "{\"city\": \"Zürich\", \"days\": 3}"}},
    {"type": "function", "id": "2", "function": {"name": "add", "arguments": "{}"}}]
BOS, EOS = "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>"
MARKS = {"bos_token": BOS, "eos_token": EOS}


def chat(*messages, **more):
    return {"messages": [{"role": role, "content": content} for role, content in messages], "add_generation_prompt": True, **MARKS, **more}


CONTEXTS = {
    "probe": {
        "messages": [
            {"role": "system", "content": "You are <helpful> & \"nice\"."}, {"role": "user", "content": "héllo 你好 {{ x }} {% if %}"},
            {"role": "assistant", "content": "<think>mm</think>Hi there"}, {"role": "user", "content": "2+2?\n  line2"}],
        "nums": [3, 1, 2], "text": "Hello, World", "emoji": "a😀b👩‍👧c", "empty": "", "none_value": None, "flag": True, "f": 1.5,
        "big": 12345678901234567890, "d": {"b": 1, "a": [1, 2.5, None, True, "x'\"\n"], "items": "shadow", "n": {"k": {"deep": 7}}},
        "people": [{"name": "bob", "age": 30, "city": {"zip": "2"}}, {"name": "Alice", "age": 25, "city": {"zip": "1"}},
                   {"name": "carol", "age": 30, "city": {}}],
        "add_generation_prompt": True, **MARKS},
    "user": chat(("user", "Hi")),
    "no prompt": {**chat(("user", "Hi")), "add_generation_prompt": False},
    "system": chat(("system", "Be brief."), ("user", "Hi\nthere"), ("assistant", "Yes?"), ("user", "  2+2?  ")),
    "two systems": chat(("system", "A"), ("system", "B"), ("user", "q")),
    "thinking": chat(("user", "q"), ("assistant", "<think>no\n</think>\n\nyes"), ("user", "r"), thinking=True),
    "thinking off": chat(("user", "q"), ("assistant", "plain"), ("user", "r"), thinking=False),
    "prefill": {**chat(("user", "q"), ("assistant", "It is")), "add_generation_prompt": False},
    "tools": {**chat(("system", "S")), "tools": TOOLS, "messages": [
        {"role": "system", "content": "S"}, {"role": "user", "content": "weather?"},
        {"role": "assistant", "content": None, "tool_calls": CALLS}, {"role": "tool", "content": "sunny", "tool_call_id": "1"},
        {"role": "tool", "content": "2", "tool_call_id": "2"}]},
    "tools answered": {**chat(), "tools": TOOLS, "messages": [
        {"role": "user", "content": "weather?"}, {"role": "assistant", "content": "", "tool_calls": CALLS[:1]},
        {"role": "tool", "content": "sunny"}, {"role": "assistant", "content": "It is sunny."}, {"role": "user", "content": "thanks"}]},
    "no messages": chat(),
}

PROBES = [
    # Printing of values
    "{{ none }} {{ true }} {{ false }} {{ 1.0 }} {{ 1e16 }} {{ 1e15 }} {{ 1e-5 }} {{ 0.0001 }} {{ 123456789.125 }} {{ 1e100 }} {{ 0.1+0.2 }}",
    "{{ [1, 'a', none, true, 2.0, [], {}, (), (1,), (1,2), {'k': 'v'}] }}",
    "{{ ['it\\'s', 'say \"x\"', 'both \\' \"', 'new\\nline\\ttab\\\\', 'é你😀', '\\x00\\x7f\\xa0\\u200b'] }}",
    "{{ d }}{{ d.b }}{{ d['a'] }}{{ d.n.k.deep }}", "{{ big }} {{ big + 1 }} {{ -big }} {{ big // 7 }} {{ big % 7 }} {{ big * big }}",
    "{{ range(3) }} {{ range(1, 10, 2) }} {{ range(3)|list }} {{ range(5, 0, -2)|list }}",
    "{{ {'a': 1}.items() }} {{ {'a': 1}.keys() }} {{ {'a': 1}.values() }}", "{{ namespace(a=1, b='x') }}",
    "{{ {1: 'a', 1.0: 'b', true: 'c', 'k': 2, none: 3, (1,2): 4} }}", "{{ foo }}{{ foo|string }}[{{ [foo] }}]", "{{ undefined_thing.x }}",
    "{{ messages[0].nope }}|", "{{ messages[0].nope.deeper }}", "{{ messages[99] }}|{{ 'abc'[99] }}|{{ nums['x'] }}", "{{ none_value.x }}|",
    "{{ 1_000 }} {{ 0x1F }} {{ 0o17 }} {{ 0b11 }} {{ 1_0.5_0 }} {{ 1.5e3 }} {{ 2E-2 }}", "{{ 'a' 'b' \"c\" }}",
    "{{ '\\u00e9\\x41\\101\\U0001F600\\q' }}{{ '\\N{BULLET}' }}", "{{ 'line\\\n joined' }}",
    # Arithmetic
    "{{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 7 % -3 }} {{ 7 / 2 }} {{ 6 / 2 }} {{ 2 ** 10 }} {{ 2 ** -1 }} {{ 2 ** 0.5 }}",
    "{{ 7.5 // 2 }} {{ -7.5 // 2 }} {{ 7.5 % 2 }} {{ -7.5 % 2 }} {{ 1 + 1.0 }} {{ true + true }} {{ 3 - 5 }} {{ 2 * 3.5 }}",
    "{{ -2 ** 2 }} {{ 2 ** 3 ** 2 }} {{ - 3 }} {{ +3 }} {{ - - 3 }} {{ -f }} {{ not 1 }} {{ not none }}", "{{ 1 / 0 }}", "{{ 1 % 0 }}", "{{ 1 // 0 }}",
    "{{ 1 + 'a' }}", "{{ 'a' + 1 }}", "{{ 'a' * 3 }}{{ 3 * 'ab' }}{{ [1] * 2 }}{{ 'a' * -1 }}|", "{{ [1] + [2] }}{{ (1,) + (2,) }}", "{{ [1] + (2,) }}",
    "{{ foo + 1 }}", "{{ none + 1 }}", "{{ 'a' - 'b' }}", "{{ 9223372036854775807 + 1 }} {{ 9223372036854775807 * 2 }} {{ -9223372036854775808 - 1 }}",
    "{{ 10 ** 30 }} {{ (10 ** 30) / (10 ** 10) }} {{ 2 ** 200 % 1000 }}", "{{ 1 ~ 2 ~ 'x' ~ none ~ true ~ 1.5 ~ foo ~ [1] }}",
    "{{ 1 ~ 3 * 2 }} {{ 5 - 2 ~ 1 }}", "{{ 'a' ~ 1 + 2 }}", "{{ 10 - 2 - 3 }} {{ 100 / 10 / 2 }} {{ 2 + 3 * 4 - 5 // 2 }}", "{{ 5 % 3 * 2 }}",
    # Comparison and logic
    "{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 1 == 1.0 }} {{ true == 1 }} {{ '1' == 1 }} {{ none == none }} {{ foo == bar }} {{ foo == none }}",
    "{{ [1, 2] == [1, 2] }} {{ [1] == (1,) }} {{ {'a': 1, 'b': 2} == {'b': 2, 'a': 1} }} {{ [1, 2] < [1, 3] }} {{ 'a' < 'b' }} {{ 'Z' < 'a' }}",
    "{{ 1 < 'a' }}", "{{ none < 1 }}", "{{ foo < 1 }}", "{{ 1 in [1, 2] }} {{ 3 not in [1] }} {{ 'a' in 'abc' }} {{ 'k' in {'k': 1} }} {{ 1 in {1.0: 2} }}",
    "{{ 1 in 'abc' }}", "{{ 'a' in none }}", "{{ 'a' in foo }}", "{{ 1 in range(3) }} {{ 5 in range(3) }} {{ 'x' in () }}",
    "{{ 'a' or 'b' }} {{ '' or 'b' }} {{ 'a' and 'b' }} {{ '' and 'b' }}| {{ 0 or none or [] }} {{ not ('a' and 0) }}",
    "{{ 'y' if nums else 'n' }} {{ 'y' if [] else 'n' }} {{ 'y' if '' }}| {{ 'a' if 0 else 'b' if 0 else 'c' }}", "{{ ('a' if flag) ~ 'z' }}",
    "{{ not foo is defined }} {{ foo is not defined }} {{ not foo }} {{ flag is defined and flag }}", "{{ 1 == 1 and 2 == 2 or 1 == 0 }} {{ not 1 == 2 }}",
    "{{ (1, 2) < (1, 2, 3) }} {{ 1.5 > 1 }} {{ 2 >= 2.0 }} {{ true > false }} {{ 9007199254740993 == 9007199254740992.0 }}",
    # Subscripts
    "{{ text[0] }}{{ text[-1] }}{{ text[1:4] }}{{ text[:-7] }}{{ text[::2] }}{{ text[::-1] }}{{ text[5:1:-1] }}{{ text[100:] }}|{{ text[-3:] }}",
    "{{ nums[0] }}{{ nums[-1] }}{{ nums[1:] }}{{ nums[::-1] }}{{ nums[:2] }}{{ nums[5:] }}{{ (1,2,3)[1:] }}{{ range(10)[2:8:3] }}{{ range(10)[3] }}",
    "{{ emoji[1] }}{{ emoji|length }}{{ emoji[::-1] }}{{ emoji[2:4] }}", "{{ text[::0] }}", "{{ d[1:2] }}|", "{{ none_value[1:] }}", "{{ f[:1] }}", "{{ foo[1:] }}", "{{ nums['a':] }}", "{{ nums[1.0] }}|", "{{ nums[true] }}",
    "{{ d.items is callable }}", "{{ d['items'] }} {{ d.get('items') }}", "{{ {'x': 1}['get']('x') }} {{ {'x': 1}.x }}", "{{ messages[-1]['role'] }} {{ messages.0.role }}",
    "{{ nums.append(4) }}", "{{ d.update({}) }}", "{{ d.pop }}|", "{{ text.__class__ }}|", "{{ text.__class__.__name__ }}", "{{ d.missing is defined }}",
    "{{ none_value[0] }}|", "{{ 5[0] }}|", "{{ foo[0] }}",
    # Strings
    "{{ 'a</think>b</think>c'.split('</think>') }} {{ 'a,b,c'.split(',', 1) }} {{ 'a,b,c'.rsplit(',', 1) }} {{ ' a  b '.split() }} {{ ''.split() }} {{ ''.split(',') }}",
    "{{ ' a b c '.split(none, 1) }} {{ ' a b c '.rsplit(none, 1) }} {{ 'a,b'.split(maxsplit=1, sep=',') }}", "{{ 'a'.split('') }}",
    "[{{ '  x\\n'.strip() }}][{{ 'xxaxx'.strip('x') }}][{{ 'xya'.lstrip('yx') }}][{{ 'a\\u3000'.rstrip() }}][{{ '\\x1ca'.strip() }}]",
    "{{ text.startswith('He') }} {{ text.endswith(('x', 'ld')) }} {{ text.startswith('l', 2) }} {{ text.endswith('H', 0, 1) }} {{ ''.startswith('', 1) }}",
    "{{ text.replace('l', 'L') }} {{ text.replace('l', 'L', 1) }} {{ 'abc'.replace('', '-') }} {{ 'abc'.replace('', '-', 2) }} {{ ''.replace('', 'x') }}",
    "{{ text.upper() }} {{ text.lower() }} {{ 'hELLO wORLD'.capitalize() }} {{ \"they're bill's\".title() }} {{ text.swapcase() }} {{ 'ß'.upper() }} {{ 'İ'.lower() }}",
    "{{ text.find('o') }} {{ text.rfind('o') }} {{ text.find('zz') }} {{ text.find('o', 5) }} {{ text.index('W') }} {{ text.count('l') }} {{ 'aaa'.count('aa') }} {{ 'ab'.count('') }}",
    "{{ text.index('zz') }}", "{{ emoji.find('b') }}", "{{ '-'.join(['a', 'b']) }} {{ ', '.join('abc') }} {{ ''.join([]) }}|", "{{ '-'.join([1]) }}",
    "{{ 'a-b-c'.partition('-') }} {{ 'a-b-c'.rpartition('-') }} {{ 'abc'.partition('-') }} {{ 'abc'.rpartition('-') }}",
    "{{ 'x'.center(5, '*') }}{{ 'xx'.center(5, '*') }}{{ 'x'.ljust(3) }}|{{ 'x'.rjust(3, '0') }}{{ '-5'.zfill(4) }}{{ 'abc'.zfill(2) }}",
    "{{ 'a\\nb\\r\\nc\\n'.splitlines() }} {{ 'a\\nb'.splitlines(true) }} {{ ''.splitlines() }} {{ 'a\\x0bb\\u2028c'.splitlines() }}",
    "{{ 'abc'.removeprefix('ab') }} {{ 'abc'.removesuffix('bc') }} {{ 'a\\tb'.expandtabs(4) }}", "{{ 'abc'.isalpha() }} {{ 'ab1'.isalnum() }} {{ '12'.isdigit() }} {{ '²'.isdigit() }} {{ '²'.isdecimal() }} {{ '½'.isnumeric() }} {{ ''.isalpha() }}",
    "{{ ' \\n'.isspace() }} {{ 'Abc'.istitle() }} {{ 'ABC'.isupper() }} {{ 'abc1'.islower() }} {{ '1'.islower() }} {{ 'a_1'.isidentifier() }} {{ 'é'.isascii() }} {{ 'a\\n'.isprintable() }}",
    "{{ 'abc'.nope }}|", "{{ 'abc'.nope() }}", "{{ 'abc'.upper() }}{{ 'abc'.upper is defined }}", "{{ text.upper(1) }}", "{{ text.split(5) }}",
    "{{ '%s-%d-%5.2f|%-5s|%05d|%x|%r|%%|%+d|%e|%g' % ('a', 3, 2.5, 'b', 42, 255, 'q', 5, 12345.678, 0.0001) }}", "{{ '%(a)s %(b)d' % {'a': 1, 'b': 2} }}",
    "{{ '%s' % none }} {{ '%s' % [1] }} {{ '%d' % 3.9 }} {{ '%c%c' % (65, 'b') }} {{ '%*d' % (5, 42) }} {{ '%.3s' % 'abcdef' }} {{ '%#x %o %E' % (255, 8, 1.5) }}",
    "{{ '%d' % 'a' }}", "{{ '%s %s' % 'a' }}", "{{ '%s' % (1, 2) }}", "{{ '%z' % 1 }}", "{{ '%' % 1 }}",
    "{{ '{} {}'.format(1, 'a') }} {{ '{1} {0}'.format('a', 'b') }} {{ '{x} {y[k]} {z.role}'.format(x=1, y={'k': 2}, z=messages[0]) }} {{ '{{}}'.format() }}",
    "{{ '{:>5}|{:<5}|{:^5}|{:*^7}|{:05d}|{:,}|{:.2f}|{:x}|{:#b}|{:+}|{:e}|{:%}|{:_}'.format('a', 'b', 'c', 'd', 42, 1234567, 3.14159, 255, 5, 3, 12345.678, 0.25, 1234567) }}",
    "{{ '{!r} {!s} {!a} {:{}}|'.format('é', 'b', 'é', 'x', 4) }}", "{{ '{}'.format() }}", "{{ '{'.format() }}", "{{ '{0} {}'.format(1) }}", "{{ '{:d}'.format('a') }}",
    "{{ '{:.3}|{:.3g}|{:g}|{:10.3e}|{:.0f}|{:5}|{:<6}|{:=+6}|{:c}|{:o}|{:X}'.format('abcdef', 1234.5, 1e20, 3.14159, 2.5, 42, 1.5, 3, 65, 8, 255) }}",
    # Filters
    "{{ [1, 'a', none]|join('-') }} {{ 'abc'|join(',') }} {{ people|join(', ', attribute='name') }} {{ foo|join }}|", "{{ nums|length }} {{ 'abc'|count }} {{ d|length }} {{ foo|length }} {{ range(5)|length }}",
    "{{ 5|length }}", "{{ none|length }}", "{{ foo|default('d') }} {{ ''|default('d') }}| {{ ''|default('d', true) }} {{ none|d('x') }} {{ none|default('x', boolean=true) }} {{ foo|d }}|",
    "{{ nums|first }}{{ nums|last }}{{ []|first }}{{ 'abc'|first }}{{ 'abc'|last }}{{ d|first }}{{ []|last }}", "{{ nums|sort }} {{ nums|sort(reverse=true) }} {{ ['b', 'A', 'c']|sort }} {{ ['b', 'A', 'c']|sort(case_sensitive=true) }}",
    "{{ people|sort(attribute='age')|map(attribute='name')|list }} {{ people|sort(attribute='age,name')|map(attribute='name')|join(' ') }} {{ people|sort(attribute='age', reverse=true)|map(attribute='name')|list }}",
    "{{ [1, 'a']|sort }}", "{{ people|map(attribute='city.zip')|list }} {{ people|map(attribute='city.zip', default='-')|list }} {{ people|map(attribute='nope')|list }}",
    "{{ ['a', 'b']|map('upper')|list }} {{ [' a ', 'b']|map('trim')|map('upper')|join }} {{ [1.5, 2.7]|map('int')|list }} {{ ['a']|map('replace', 'a', 'b')|list }}",
    "{{ nums|map('nope')|list }}", "{{ [1]|nope }}", "{{ nums|map|list }}", "{{ nums|select('odd')|list }} {{ nums|reject('odd')|list }} {{ [0, 1, '', 'a']|select|list }} {{ nums|select('gt', 1)|list }} {{ nums|select('>', 1)|list }} {{ nums|reject('in', [1])|list }}",
    "{{ people|selectattr('age', 'equalto', 30)|map(attribute='name')|list }} {{ people|selectattr('city.zip', 'defined')|list|length }} {{ people|rejectattr('city.zip')|list|length }} {{ people|selectattr('age', 'lt', 30)|list }}",
    "{{ messages|selectattr('role', '==', 'user')|list|length }} {{ (messages|selectattr('role', 'in', ['user', 'system'])|first).role }}", "{{ nums|select('nope')|list }}",
    "{{ nums|min }} {{ nums|max }} {{ ['b', 'A']|min }} {{ []|max }}| {{ people|max(attribute='age') }} {{ nums|sum }} {{ people|sum(attribute='age') }} {{ nums|sum(start=10) }} {{ [[1], [2]]|sum(start=[]) }}",
    "{{ nums|reverse|list }} {{ 'abc'|reverse }} {{ d|reverse|list }}", "{{ [1, 1, 2, 'a', 'A']|unique|list }} {{ ['a', 'A']|unique(case_sensitive=true)|list }} {{ people|unique(attribute='age')|map(attribute='name')|list }}",
    "{{ range(7)|batch(3)|list }} {{ range(7)|batch(3, 'x')|list }} {{ range(7)|slice(3)|list }} {{ range(7)|slice(3, 'x')|list }}",
    "{% for g, l in people|groupby('age') %}{{ g }}:{{ l|map(attribute='name')|join(',') }};{% endfor %}{% for g in people|groupby('age') %}{{ g[0] }}{% endfor %}",
    "{{ d.n|dictsort }} {{ {'b': 1, 'A': 2}|dictsort }} {{ {'b': 1, 'a': 2}|dictsort(by='value', reverse=true) }} {{ {'b': 1, 'A': 2}|dictsort(true) }}",
    "{{ {'a': 1}|items|list }} {{ foo|items|list }}", "{{ [1]|items|list }}", "{{ {'a': 1}|list }} {{ 'ab'|list }} {{ {'b': 1}.items()|list }} {{ (1, 2)|list }}",
    "{{ '42'|int }} {{ '4.7'|int }} {{ 'x'|int }} {{ 'x'|int(7) }} {{ '0x1f'|int(base=16) }} {{ 3.9|int }} {{ none|int }} {{ true|int }} {{ ' 12 '|int }} {{ '1_0'|int }} {{ '11'|int(0, 2) }}",
    "{{ '1.5'|float }} {{ 'x'|float }} {{ '1e3'|float }} {{ 2|float }} {{ 'inf'|float }} {{ 'x'|float(2.5) }} {{ none|float }}", "{{ foo|int }}", "{{ -3|abs }} {{ (-3)|abs }} {{ -2.5|abs }}",
    "{{ 2.5|round }} {{ 3.5|round }} {{ 2.675|round(2) }} {{ 42|round }} {{ 42.7|round(0, 'floor') }} {{ 42.1|round(method='ceil') }} {{ 1234|round(-2) }} {{ 1.005|round(2) }} {{ -0.4|round }}",
    "{{ 'hello world-foo (bar)'|title }} {{ 'hELLO'|capitalize }} {{ 5|upper }} {{ none|lower }} {{ 'x'|center(5) }}|", "[{{ ' x '|trim }}][{{ 'xax'|trim('x') }}][{{ 5|trim }}]",
    "{{ 'aXb'|replace('X', '-') }} {{ 'aaa'|replace('a', 'b', 2) }} {{ 5|replace(5, 6) }}", "{{ 'a\\nb\\n\\nc'|indent }}|{{ 'a\\nb'|indent(2, true) }}|{{ 'a\\n\\nb'|indent(2, blank=true) }}|{{ 'a\\nb'|indent('> ') }}",
    "{{ 'foo bar baz qux'|truncate(9) }} {{ 'foo bar baz qux'|truncate(9, true) }} {{ 'foo bar baz'|truncate(11) }} {{ 'foo bar baz qux'|truncate(11, false, '..', 0) }}", "{{ 'a b, c-d'|wordcount }}",
    "{{ '<a href=\"x\">&\\'</a>'|e }} {{ '<b>'|escape|e }} {{ '<b>'|safe }} {{ ('<b>'|safe) ~ '<i>' }} {{ ('<b>'|safe) + '<i>' }} {{ '<b>'|e|forceescape }}", "{{ '%s and %s'|format('a', 1) }} {{ '%(x)s'|format(x=5) }}",
    "{{ 'a b/c?d=é&'|urlencode }} {{ {'a b': 'c/d', 'e': 1}|urlencode }}", "{{ 1000|filesizeformat }} {{ 1|filesizeformat }} {{ 999|filesizeformat }} {{ 1500000|filesizeformat }} {{ 1048576|filesizeformat(true) }}",
    "{{ d|tojson }} {{ [1, 1.0, none, true, 'é<>&\\'\"\\n\\x00\\x7f😀']|tojson }} {{ (1, 2)|tojson }} {{ {}|tojson }} {{ []|tojson }} {{ {1: 2, none: 3, true: 4, 1.5: 5}|tojson }}",
    "{{ d|tojson(indent=2) }} {{ [[], {}, [1]]|tojson(indent=1) }} {{ {'b': 1, 'a': 2}|tojson(sort_keys=true) }} {{ 'é😀'|tojson(ensure_ascii=true) }} {{ [1, {'a': 2}]|tojson(separators=(',', ':')) }} {{ [1]|tojson(indent='\\t') }} {{ [1]|tojson(indent=0) }}",
    "{{ foo|tojson }}", "{{ range(2)|tojson }}", "{{ {(1,): 2}|tojson }}", "{{ 1e400|tojson }} {{ 'nan'|float|tojson }}", "{{ messages|tojson(4) }}", "{{ 12|string + 'a' }} {{ none|string }} {{ [1]|string }}",
    "{{ d|attr('keys') is callable }} {{ d|attr('b') }}| {{ text|attr('upper')() }}", "{{ nums|list|length + 1 }} {{ -5|abs }}", "{{ -nums|length }}", "{{ nums|first + nums|last }}", "{{ (nums|sort)[0] }} {{ nums|sort|first }}",
    "{{ nums|map('string')|join(', ') if nums else 'none' }}", "{{ [3, 1]|sort|join(',')|upper|replace(',', ';') }}", "{{ 'abc'|batch(2)|map('join')|list }}", "{{ []|select|list or 'empty' }} {{ 'yes' if nums|select('gt', 9) else 'no' }}",
    "{{ nums|select('odd')|length }}", "{{ (nums|map('string'))[0] }}|", "{{ nums|join(d=', ') }}", "{{ nums|join('-', 'x', 'y') }}", "{{ nums|join(nope=1) }}",
    # Tests
    "{{ 1 is odd }} {{ 2 is even }} {{ 4 is divisibleby 2 }} {{ 4 is divisibleby(3) }} {{ 1 is integer }} {{ true is integer }} {{ 1.0 is float }} {{ true is number }} {{ 'a' is string }} {{ 'a' is number }}",
    "{{ [] is sequence }} {{ 'a' is sequence }} {{ {} is sequence }} {{ 1 is sequence }} {{ foo is sequence }} {{ {} is mapping }} {{ [] is mapping }} {{ 'a' is iterable }} {{ 1 is iterable }} {{ foo is iterable }}",
    "{{ none is none }} {{ foo is none }} {{ true is true }} {{ 1 is true }} {{ false is false }} {{ true is boolean }} {{ 'A' is upper }} {{ 'a' is lower }} {{ range is callable }} {{ text.upper is callable }} {{ 1 is callable }}",
    "{{ 1 is eq 1 }} {{ 1 is ne 2 }} {{ 1 is lt 2 }} {{ 2 is ge 2 }} {{ 1 is in [1] }} {{ 3 is not in [1] }} {{ 1 is sameas 1 }} {{ none is sameas none }} {{ 'upper' is filter }} {{ 'odd' is test }} {{ 'x' is filter }}",
    "{{ foo is undefined }} {{ messages[0].zz is undefined }}", "{{ 'a' is nope }}", "{{ 1 is not none and 2 is not string }} {{ foo is defined or 'x' }} {{ (1 is odd) == true }}", "{{ 1 is odd is odd }}",
    "{{ 'x' is string and 'y' is not number }} {{ not 'x' is string }} {{ 5 is divisibleby 5 and true }}", "{{ 'a'|upper is upper }} {{ nums|length is odd }} {{ nums is iterable and nums is not string and nums is not mapping }}",
    # Statements
    "{% set x = 1 %}{% if true %}{% set x = 2 %}{% endif %}{{ x }}{% for i in [1] %}{% set x = 3 %}{{ x }}{% endfor %}{{ x }}", "{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set (c, d2) = [3, 4] %}{{ c }}{{ d2 }}{% set t = 1, 2 %}{{ t }}",
    "{% set a, b = [1] %}", "{% set a, b = [1, 2, 3] %}", "{% set ns = namespace() %}{% set ns.x = 5 %}{{ ns.x }}{{ ns.y }}|{{ ns['x'] }}", "{% set ns = namespace({'a': 1}, b=2) %}{{ ns.a }}{{ ns.b }}", "{% set foo2.x = 1 %}",
    "{% set x %}a{{ 1 }}{% endset %}{{ x|upper }}{% set y | upper | replace('A', 'Z') %}abc{% endset %}{{ y }}", "{% for k, v in {'a': 1, 'b': 2}.items() %}{{ k }}={{ v }}{{ ',' if not loop.last }}{% endfor %}",
    "{% for i in nums %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.depth }};{% endfor %}", "{% for i in nums if i > 1 %}{{ loop.index }}/{{ loop.length }}:{{ i }} {% else %}none{% endfor %}",
    "{% for i in [] %}x{% else %}empty{% endfor %}{% for i in foo %}x{% else %}undef{% endfor %}{% for c in 'ab' %}{{ c }}{% endfor %}{% for k in d %}{{ k }}{% endfor %}", "{% for i in 5 %}{% endfor %}", "{% for i in none %}{% endfor %}",
    "{% for i in range(5) %}{% if i == 1 %}{% continue %}{% endif %}{% if i == 3 %}{% break %}{% endif %}{{ i }}{% endfor %}", "{% break %}", "{% for i in [1] %}{% for j in [1, 2] %}{% break %}{% endfor %}{{ i }}{% endfor %}", "{{ loop }}|{% for i in [1] %}{{ loop }}{% endfor %}",
    "{% for i in nums %}{{ loop.previtem }}<{{ i }}>{{ loop.nextitem }} {% endfor %}{% for i in nums %}{{ loop.cycle('a', 'b') }}{% endfor %}{% for i in [1, 1, 2] %}{{ loop.changed(i) }}{% endfor %}",
    "{% for a, (b, c) in [(1, (2, 3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}", "{% for i in nums|map('string') %}{{ i }}{{ loop.last }}{% endfor %}{% for x in people|selectattr('age', 'eq', 30) %}{{ loop.length }}{{ x.name }}{% endfor %}",
    "{% for item in [{'n': 1, 'c': [{'n': 2, 'c': []}]}] recursive %}{{ item.n }}:{{ loop.depth }}({{ loop(item.c) }}){% endfor %}", "{% for i in [1] %}{{ loop([2]) }}{% endfor %}",
    "{% macro m(a, b=2, c=a) %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ m(1) }}|{{ m(1, c=3) }}|{{ m(b=1, a=2) }}|{{ m() }}|{{ m.name }}{{ m.arguments }}", "{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, x=3) }}", "{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}",
    "{% macro m(a) %}{% endmacro %}{{ m(b=2) }}", "{% macro m(x) %}[{{ caller('y') }}{{ x }}]{% endmacro %}{% call(z) m(1) %}{{ z }}!{% endcall %}", "{% macro f(n) %}{{ n }}{% if n > 0 %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(3) }}",
    "{% macro m() %}{{ outer }}{% endmacro %}{% set outer = 'late' %}{{ m() }}", "{% macro m(x) -%}\n  {{ x }}\n{%- endmacro %}{{ m('a')|upper }}{{ m(m('b')) }}", "{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}", "{{ m }}{% macro m() %}{% endmacro %}{{ m }}",
    "{% with a=1, b=2 %}{{ a }}{{ b }}{% set c = 3 %}{% endwith %}{{ a }}{{ c }}|", "{% with %}{% set q = 1 %}{{ q }}{% endwith %}{{ q }}|", "{% filter upper %}a{{ text }}{% endfilter %}{% filter replace('a', 'b')|upper %}aa{% endfilter %}", "{% raw %}{{ x }}{% if %}{% endraw %}|{%- raw -%}  a  {%- endraw -%}  b",
    "{% generation %}a{{ 1 }}{% set zz = 1 %}{% endgeneration %}{{ zz }}|", "{% if false %}a{% elif nums|length > 2 %}b{% else %}c{% endif %}{% if 0 %}x{% elif 0 %}y{% else %}z{% endif %}{% if 1, %}t{% endif %}", "{% print 1, 'a' %}", "{% set x = joiner('|') %}{{ x() }}a{{ x() }}b{% set c = cycler('o', 'e') %}{{ c.next() }}{{ c.next() }}{{ c.current }}{{ c.next() }}",
    "{{ dict(a=1, b=2) }}{{ dict([('x', 1)]) }}{{ dict({'k': 2}, z=3) }}", "{% do 1 %}", "{% include 'x' %}", "{% extends 'x' %}", "{% import 'x' as y %}", "{% nope %}", "{% if %}{% endif %}", "{% if true %}", "{% endif %}", "{% for %}{% endfor %}", "{{ }}", "{{ 1 + }}", "{{ (1 }}", "{{ [1, 2 }}", "{{ 'abc }}", "{{ 1 1 }}", "{{ a b }}", "{# open", "{% raw %}x", "{{ {'a': 1 }}", "{{ {'a'} }}", "{{ 1.}}", "{{ .5 }}", "{{ a..b }}", "{{ ) }}", "{{ 1; 2 }}", "{{ a! }}", "{% set 1 = 2 %}", "{% set none = 2 %}", "{% set x %}", "{% macro m(a=1, b) %}{% endmacro %}", "{{ f(a=1, 2) }}", "{{ range(*[1, 3])|list }}{{ dict(**{'a': 1}) }}", "{{ 007 }}", "{{ 00 }}",
    "{{ raise_exception('bad ' ~ 1) }}", "{% if messages[0].role != 'user' %}{{ raise_exception('Conversation roles must alternate') }}{% endif %}", "{{ range(100001) }}", "{{ range(1, 2, 0) }}", "{{ range('a') }}", "{{ range() }}", "{{ nums() }}", "{{ foo() }}", "{{ 'a'.x.y }}",
    "{% set x = [] %}{% set x = x + [1] %}{{ x }}", "{% set ns = namespace(l=[]) %}{% for i in nums %}{% set ns.l = ns.l + [i * 2] %}{% endfor %}{{ ns.l }}", "{% for m in messages %}{% set role = m.role %}{{ role }}{% endfor %}{{ role }}|",
    "{% set s = 0 %}{% for i in nums %}{% set s = s + i %}{{ s }}{% endfor %}{{ s }}", "{% for i in [1, 2] %}{% if x3 is defined %}D{% endif %}{% set x3 = i %}{% endfor %}", "{% if true %}{% for i in [1] %}{{ i }}{% endfor %}{% endif %}", "{{ messages|map(attribute='role')|join(',') }} {{ messages[1:]|length }} {{ messages[::-1][0].role }}",
    # Whitespace
    "a\n  {%- if true %}\n  b\n  {%- endif %}\nc\n    {% if true %}\n    d\n    {% endif %}\ne", "  {% if true %}\n  x\n  {% endif %}  \ny", "a {{- ' b ' -}} c {{ 'd' }} e\n{{ 'f' }}\n", "a\n{# comment #}\nb\n  {#- c -#}  \nd {# e #} f", "x\n\n\n", "x\n", "\n\n{% if true %}\n\ny\n\n{% endif %}\n\n",
    "a\r\nb\rc\r\n{% if true %}\r\nd{% endif %}\r\n", "  {%+ if true %}a{% endif +%}\n b", "a{% if true -%}   \n  b{%- endif %}   c", "{%- if true -%}\n a \n{%- endif -%}\n b", "\t {% set x = 1 %} \t\n{{ x }}", "{{ 'a' }}\n\n{{ 'b' }}", "  {{ 'a' }}  {% if true %}  b  {% endif %}  c", "a {% raw %} {{ b }} {% endraw %} c\n{% raw %}\n x \n{% endraw %}\ny", "{{ {'a': {'b': 1}}['a']['b'] }}{{ {'a': 1} }}", "{{ '}}' }}{{ '%}' }}{# {{ x }} #}", "{{'a'}}{{-'b'-}}{{+'c'}}", "{%if true%}a{%endif%}{%for i in[1,2]%}{{i}}{%endfor%}", "{% if true: %}a{% endif %}", "a\u00a0{%- if true -%}\u2003b{% endif %}", "{{ 'x' if true else\n  'y' }}\n{% if\n true %}z{%\nendif %}",
    "{%- for m in messages -%}\n{{ m.role }}\n{%- if not loop.last %}\n\n{% endif -%}\n{%- endfor -%}", "{{1+1}} {{2-1}} {{-1}} {{1-1}} {{ 3-1 }} {{nums[1]-1}} {{ 2 *3 }}", "{{ \"a\" ~ 'b' }}", "{{ True }} {{ False }} {{ None }}", "{{ nums [0] }} {{ text . upper ( ) }}", "{{ not_defined|default(messages|length) }}",
    "{{ text.upper().lower().title() }} {{ (text|upper).lower() }} {{ 'a,b'.split(',')[1].upper() }} {{ ['a'][0] }} {{ [[1, 2], [3]][0][1] }}", "{{ (1) }} {{ (1,) }} {{ () }} {{ [] }} {{ {} }} {{ [1,] }} {{ {'a': 1,} }}", "{{ 'é'|length }} {{ '你好'|upper }} {{ 'ÀÉ'.lower() }}", "{{ 3 * [0] }} {{ [1, 2, 3][-2:] }}",
    "{{ namespace(x=1).x }} {{ dict(a=1).a }}", "{{ d.get('b') }} {{ d.get('zz') }} {{ d.get('zz', 'def') }} {{ d.keys()|list }} {{ d.values()|list|length }}", "{{ d.get() }}", "{{ [1, 2, 1].count(1) }} {{ [1, 2].index(2) }} {{ (1, 2).index(1) }} {{ {'a': 1}.copy() }}", "{{ [1].index(5) }}",
    "{{ 'caf\\u00e9' == 'café' }} {{ 'a' 'b' == 'ab' }} {{ 'x' * 2 ~ 'y' }}", "{{ 0.1 + 0.7 }} {{ 1 / 3 }} {{ 2 / 3 * 3 }} {{ 1e22 }} {{ 123456789012345680.0 }} {{ 5e-324 }} {{ 1.7976931348623157e308 }} {{ -0.0 }}", "{{ 10 // 3.0 }} {{ 10 % 3.5 }} {{ -10 // 3 }} {{ 0 // 5 }} {{ 1e308 * 10 }}",
    "{% set m = messages[0] %}{{ m.role ~ ': ' ~ m.content | trim }}", "{{ ('a' ~ 'b')|upper }} {{ 'a' ~ 'b'|upper }}", "{{ messages|length > 3 }} {{ messages|length == 4 and 'yes' }}", "{{ 'a' if messages|length > 9 else 'b' ~ 'c' }}", "{{ [1, 2, 3]|sum / 3 }} {{ (5 / 2)|int }} {{ 5 // 2 }}",
    "{% for i in range(3) %}{% for j in range(2) %}{{ i }}{{ j }}{{ loop.index }} {% endfor %}{{ loop.index }}|{% endfor %}", "{% set loop = 5 %}{{ loop }}", "{% for loop in [1] %}{% endfor %}", "{{ caller }}|", "{{ varargs }}|", "{{ bos_token + text }}{{ eos_token }}",
]
