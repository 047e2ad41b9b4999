"""As much of JSON Schema as OASIS's STIX schemas use, since no library for it is installed."""

import json
import re
from pathlib import Path
from urllib.parse import urldefrag

TYPES = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool}


class Schemas:
    """The schemas of a folder, by the last part of their name."""

    def __init__(self, folder: Path):
        self.by_name = {file.name: json.loads(file.read_text("utf-8")) for file in folder.rglob("*.json")}

    def problems(self, item):
        """What is wrong with an object, by the schema of its type."""
        name = f"{item['type']}.json"
        return list(self._check(item, self.by_name[name], name, item["type"]))

    def _check(self, value, schema, file, where):
        if schema is True:
            return
        if schema is False:
            yield f"{where}: not allowed"
            return
        if "$ref" in schema:
            url, place = urldefrag(schema["$ref"])
            name = url.rsplit("/", 1)[-1] or file
            found = self.by_name[name]
            for part in place.strip("/").split("/") if place else ():
                found = found[part]
            yield from self._check(value, found, name, where)
        for part in schema.get("allOf", ()):
            yield from self._check(value, part, file, where)
        for word, enough in (("anyOf", lambda n: n >= 1), ("oneOf", lambda n: n == 1)):
            if word in schema:
                fits = sum(not list(self._check(value, part, file, where)) for part in schema[word])
                if not enough(fits):
                    yield f"{where}: {fits} of {word} fit"
        if "not" in schema and not list(self._check(value, schema["not"], file, where)):
            yield f"{where}: fits what it must not"
        yield from self._plain(value, schema, file, where)

    def _plain(self, value, schema, file, where):
        wanted = TYPES.get(schema.get("type", ""))
        if wanted and not isinstance(value, wanted):
            yield f"{where}: no {schema['type']}"
            return
        if "enum" in schema and value not in schema["enum"]:
            yield f"{where}: {value!r} is none of {schema['enum']}"
        if "const" in schema and value != schema["const"]:
            yield f"{where}: {value!r} is not {schema['const']!r}"
        if isinstance(value, str) and "pattern" in schema and not re.search(schema["pattern"], value):
            yield f"{where}: {value!r} does not match {schema['pattern']}"
        if isinstance(value, int | float) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
            yield f"{where}: {value} is out of range"
        if isinstance(value, list):
            if len(value) < schema.get("minItems", 0):
                yield f"{where}: too few"
            for number, inner in enumerate(value):
                yield from self._check(inner, schema.get("items", True), file, f"{where}[{number}]")
        if isinstance(value, dict):
            yield from (f"{where}: no {name}" for name in schema.get("required", ()) if name not in value)
            known = schema.get("properties", {})
            for name, inner in value.items():
                if name in known:
                    yield from self._check(inner, known[name], file, f"{where}.{name}")
