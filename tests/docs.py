"""The parts of README.md and meltano.yml that are made from the program.

`make docs` writes them, and a test holds them against the program.
"""

from __future__ import annotations

import json
from typing import Any

from tap_hubspot_threads.settings.definitions import SETTINGS
from tap_hubspot_threads.streams.base import SCHEMAS

KINDS = {"integer": "integer", "boolean": "boolean", "array": "array", "object": "object"}


def settings_table() -> str:
    """Return the settings as a Markdown table."""
    rows = ["| setting | type, default | meaning |", "|---|---|---|"]
    for name, setting in SETTINGS["properties"].items():
        words = [_type(setting)]
        if "default" in setting:
            words.append(f"`{json.dumps(setting['default'])}`")
        rows.append(f"| `{name}` | {', '.join(words)} | {setting['description']} |")
    return "\n".join(rows)


def columns_table(stream: str) -> str:
    """Return the columns of a stream as a Markdown table."""
    rows = ["| column | type | meaning |", "|---|---|---|"]
    for name, column in SCHEMAS.get_schema(stream)["properties"].items():
        rows.append(
            f"| `{name}` | {column.get('format') or _type(column)} | {column['description']} |"
        )
    return "\n".join(rows)


def meltano_settings() -> str:
    """Return the settings as Meltano wants them declared, as YAML."""
    lines = []
    for name, setting in SETTINGS["properties"].items():
        kind = KINDS.get(_type(setting), "string")
        if setting.get("format") == "date-time":
            kind = "date_iso8601"
        if "enum" in setting:
            kind = "options"
        lines += [f"    - name: {name}", f"      kind: {kind}"]
        if setting.get("secret"):
            lines.append("      sensitive: true")
        if "default" in setting:
            lines.append(f"      value: {json.dumps(setting['default'])}")
        lines.append(f"      label: {setting['title']}")
        lines.append(f"      description: {json.dumps(setting['description'])}")
        for value in setting.get("enum", []):
            if value == setting["enum"][0]:
                lines.append("      options:")
            lines += [f"      - label: {value}", f"        value: {value}"]
    return "\n".join(lines)


def _type(definition: dict[str, Any]) -> str:
    types = definition["type"] if isinstance(definition["type"], list) else [definition["type"]]
    name = next(name for name in types if name != "null")
    if definition.get("secret"):
        return f"secret {name}"
    return str(name)
