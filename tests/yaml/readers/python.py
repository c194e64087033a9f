"""Reads YAML with one of Python's readers.

    python.py READER DOCUMENTS.json STREAM.yaml

READER is pyyaml, pyyaml-c, ruamel or ruamel-1.1. The first file is a JSON list of YAML texts. Prints {"documents": [...],
"stream": [...]}, each item {"ok": VALUE} or {"error": TEXT}; a value that JSON does not have becomes {"!": its type}.
"""

import json
import math
import sys

import ruamel.yaml
import yaml


def one(reader):
    if reader == "pyyaml":
        return lambda text: yaml.load(text, Loader=yaml.SafeLoader)
    if reader == "pyyaml-c":
        return lambda text: yaml.load(text, Loader=yaml.CSafeLoader)
    return ruamel_reader(reader).load


def many(reader):
    if reader == "pyyaml":
        return lambda text: yaml.load_all(text, Loader=yaml.SafeLoader)
    if reader == "pyyaml-c":
        return lambda text: yaml.load_all(text, Loader=yaml.CSafeLoader)
    return ruamel_reader(reader).load_all


def ruamel_reader(reader):
    loader = ruamel.yaml.YAML(typ="safe", pure=True)
    if reader == "ruamel-1.1":
        loader.version = (1, 1)
    return loader


def plain(value):
    """The value as JSON has it; a key that is no text is told from the text."""
    if isinstance(value, dict):
        return {key if isinstance(key, str) else f"!{key!r}": plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value) or not isinstance(
        value, (str, int, float, bool, type(None))
    ):
        return {"!": type(value).__name__}
    return value


def outcome(load, text):
    try:
        return {"ok": plain(load(text))}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


def stream(load_all, text):
    outcomes = []
    try:
        for value in load_all(text):
            outcomes.append({"ok": plain(value)})
    except Exception as error:
        outcomes.append({"error": f"{type(error).__name__}: {error}"})
    return outcomes


def main():
    reader, documents, text = sys.argv[1:]
    with open(documents, encoding="utf-8") as file:
        texts = json.load(file)
    # Without newline="" Python would turn CR into LF by itself.
    with open(text, encoding="utf-8", newline="") as file:
        text = file.read()
    load = one(reader)
    result = {"documents": [outcome(load, text) for text in texts], "stream": stream(many(reader), text)}
    json.dump(result, sys.stdout)


main()
