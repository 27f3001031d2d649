#!/usr/bin/env python3
"""Writes golden/jinja/goldens.json: what Python's Jinja renders, with the settings of Hugging Face transformers.

Run: python3 jinja_goldens.py ../resources/golden/jinja   (needs the PyPI package jinja2; made with 3.1.6)
"""
import json
import pathlib
import sys

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

from jinja_probes import CONTEXTS, PROBES


class Generation(Extension):
    """The tag that transformers adds; it renders its body."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return nodes.CallBlock(self.call_method("_body"), [], [], body).set_lineno(line)

    def _body(self, caller):
        return caller()


def environment():
    env = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols])

    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    return env


def render(env, template, variables):
    try:
        return {"expected": env.from_string(template).render(**variables)}
    except Exception as error:  # whatever Python raises, Java must refuse, too
        return {"error": f"{type(error).__name__}: {error}"}


def main():
    folder = pathlib.Path(sys.argv[1])
    env = environment()
    cases = []
    for index, template in enumerate(PROBES):
        cases.append({"name": f"probe {index}", "template": template, "context": "probe", **render(env, template, CONTEXTS["probe"])})
    for file in sorted((folder / "templates").glob("*.jinja")):
        template = file.read_text()
        for name, variables in CONTEXTS.items():
            if name != "probe":
                cases.append({"name": f"{file.name} {name}", "file": file.name, "context": name, **render(env, template, variables)})
    with open(folder / "goldens.json", "w") as out:
        json.dump({"made_with": f"jinja2 {jinja2.__version__}", "contexts": CONTEXTS, "cases": cases}, out, ensure_ascii=False, indent=0)
        out.write("\n")
    print(len(cases), "cases,", sum("error" in c for c in cases), "of them errors")


if __name__ == "__main__":
    main()
