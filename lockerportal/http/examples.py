"""Build the examples in the OpenAPI document from the examples of the fields."""

from __future__ import annotations

from typing import Any

# The value of a field without an example; a test finds it.
MISSING = "…"
_BY_FORMAT = {
    "uuid": "0198f4a2-7c5e-4d7a-9b1f-2f6f0a3c9d11",
    "date-time": "2026-11-20T10:59:00Z",
    "email": "mari@example.com",
}
_BY_TYPE: dict[str, Any] = {"boolean": False, "null": None, "number": 1.0, "integer": 1}


def example_of(schema: dict[str, Any], schemas: dict[str, Any], name: str = "") -> Any:
    """Return an example of `schema`: its own, or one built from its parts."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return example_of(schemas[name], schemas, name)
    if schema.get("examples"):
        return schema["examples"][0]
    for key in ("const", "default"):
        if schema.get(key) is not None:
            return schema[key]
    if "enum" in schema:
        return schema["enum"][0]
    choices = schema.get("anyOf") or schema.get("allOf") or schema.get("oneOf")
    if choices and "properties" not in schema:
        return example_of(choices[0], schemas, name)
    return _of_type(schema, schemas, name)


def _of_type(schema: dict[str, Any], schemas: dict[str, Any], name: str) -> Any:
    kind = schema.get("type")
    if kind == "object":
        return {
            field: example_of(inner, schemas, field) for field, inner in schema.get("properties", {}).items()
        }
    if kind == "array":
        return [example_of(schema["items"], schemas, name)]
    if kind == "integer":
        return schema.get("minimum", _BY_TYPE["integer"])
    return _BY_FORMAT.get(schema.get("format", ""), _BY_TYPE.get(kind or "", MISSING))
