#!/usr/bin/env python3
"""schema.py SCHEMA FILE...: holds every line of the files against the JSON Schema; names those that do not fit.

Knows what our schema uses: $ref, oneOf, const, enum, type, required, properties, additionalProperties, items,
pattern, minLength, minimum, exclusiveMinimum, maximum. Anything else in a schema is an error, so that nothing is taken for checked that is not."""
import json
import re
import sys

TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
KNOWN = {"$schema", "$id", "$defs", "title", "description", "$ref", "oneOf", "const", "enum", "type", "required",
         "properties", "additionalProperties", "items", "pattern", "minLength", "minimum", "exclusiveMinimum", "maximum"}


def is_type(value, name):
    if name in ("integer", "number"):
        return isinstance(value, int if name == "integer" else (int, float)) and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


def problems(value, schema, root, at):
    unknown = set(schema) - KNOWN
    if unknown:
        raise SystemExit(f"schema.py does not know {unknown}")
    if "$ref" in schema:
        yield from problems(value, root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root, at)
    if "oneOf" in schema:
        tries = [list(problems(value, one, root, at)) for one in schema["oneOf"]]
        if sum(not t for t in tries) != 1:
            yield min(tries, key=len)[0] if all(tries) else f"{at}: fits more than one form"
    if "const" in schema and value != schema["const"]:
        yield f"{at}: not {schema['const']}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at}: {value!r} is none of {len(schema['enum'])} words"
    if "type" in schema:
        names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        if not any(is_type(value, name) for name in names):
            yield f"{at}: not {names}"
            return
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{at}: {value!r} does not match {schema['pattern']}"
    if "minimum" in schema and value < schema["minimum"]:
        yield f"{at}: less than {schema['minimum']}"
    if "exclusiveMinimum" in schema and value <= schema["exclusiveMinimum"]:
        yield f"{at}: not above {schema['exclusiveMinimum']}"
    if "maximum" in schema and value > schema["maximum"]:
        yield f"{at}: more than {schema['maximum']}"
    if "minLength" in schema and len(value) < schema["minLength"]:
        yield f"{at}: shorter than {schema['minLength']}"
    if isinstance(value, dict):
        for key in schema.get("required", []):
            if key not in value:
                yield f"{at}: {key} is missing"
        known = schema.get("properties", {})
        for key, item in value.items():
            if key in known:
                yield from problems(item, known[key], root, f"{at}.{key}")
            elif schema.get("additionalProperties", True) is False:
                yield f"{at}: {key} is not known"
    if isinstance(value, list) and "items" in schema:
        for i, item in enumerate(value):
            yield from problems(item, schema["items"], root, f"{at}[{i}]")


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        schema = json.load(file)
    lines = bad = 0
    for path in sys.argv[2:]:
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                lines += 1
                for problem in problems(json.loads(line), schema, schema, "line"):
                    bad += 1
                    print(f"{path}:{number}: {problem}")
    print(f"{lines} lines, {bad} problems")
    return 1 if bad or not lines else 0


sys.exit(main())
