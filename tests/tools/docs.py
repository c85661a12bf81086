"""The generated parts of the documentation, of meltano.yml and of hub/.

`make docs` writes these parts, and a test compares them with the program. This module also reads
pages and the code blocks in them.
"""

from __future__ import annotations

import json
import re
from importlib.metadata import metadata
from pathlib import Path
from typing import Any

import yaml

from tap_hubspot_threads.settings.schema import SETTINGS
from tap_hubspot_threads.singer.row_to_record import SCHEMAS
from tap_hubspot_threads.tap import TapHubSpotThreads

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
TEXTS = [*PAGES, *(ROOT / name for name in ("README.md", "SECURITY.md", "CONTRIBUTING.md"))]
PREFIX = "TAP_HUBSPOT_THREADS_"

FENCE = re.compile(r"^( *)```(\w+)[^\n]*\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)

KINDS = {"integer": "integer", "boolean": "boolean", "array": "array", "object": "object"}


ON_A_PAGE = {
    "attachments": (
        "The attachments, as [an array of objects](../configure/attachments.md). Anyone with the "
        "`url` of a file can open the file without a login. MESSAGE and COMMENT only."
    )
}
"""Columns whose description is too long for a table, by name."""


def settings_table() -> str:
    """Return the settings as a Markdown table."""
    rows = ["| Setting | Type, range, default | Meaning |", "|---|---|---|"]
    for name, setting in SETTINGS["properties"].items():
        words = [_type(setting)]
        if "minimum" in setting:
            words.append(f"{setting['minimum']:,} to {setting['maximum']:,}")
        if "default" in setting:
            words.append(f"`{json.dumps(setting['default'])}`")
        rows.append(f"| `{name}` | {', '.join(words)} | {setting['description']} |")
    return "\n".join(rows)


def state_table(stream: str, *keys: str) -> str:
    """Return these keys of a stream's bookmark as a Markdown table."""
    text = (ROOT / "tap_hubspot_threads" / "schemas" / "state.json").read_text(encoding="utf-8")
    parts = json.loads(text)["properties"]["bookmarks"]["properties"][stream]["properties"]
    rows = [f"| `{key}` | {parts[key]['description']} |" for key in keys]
    return "\n".join(["| Key | Meaning |", "|---|---|", *rows])


def columns_table(stream: str) -> str:
    """Return a stream's columns as a Markdown table that marks the primary key."""
    rows = ["| Column | Type | Meaning |", "|---|---|---|"]
    for name, column in SCHEMAS.get_schema(stream)["properties"].items():
        mark = " (PK)" if name == "id" else ""
        type_ = column.get("format") or _type(column)
        rows.append(f"| `{name}`{mark} | {type_} | {ON_A_PAGE.get(name, column['description'])} |")
    return "\n".join(rows)


def metrics(*names: str) -> str:
    """Return the columns of these dbt models as Markdown: definition, counterpart and difference.

    These three are one cell, because a table with more columns is too wide for a page.
    """
    text = (ROOT / "dbt" / "models" / "models.yml").read_text(encoding="utf-8")
    models = {model["name"]: model for model in yaml.safe_load(text)["models"]}
    parts = []
    for name in names:
        parts += [f"## {name}", "", models[name]["description"].strip(), ""]
        parts += ["| Column | Definition |", "|---|---|"]
        for column in models[name]["columns"]:
            meta = column.get("config", {}).get("meta", {})
            cell = column["description"].strip()
            if "hubspot" in meta:
                cell += f"<br>*In HubSpot:* {meta['hubspot'].strip()}."
            if "difference" in meta:
                cell += f" *Difference:* {meta['difference'].strip()}"
            parts.append(f"| `{column['name']}` | {cell} |")
        parts.append("")
    return "\n".join(parts).rstrip()


def meltano_settings(*, indent: int = 4) -> str:
    """Return Meltano's declaration of the settings, as YAML."""
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
    return "\n".join(" " * indent + line[4:] for line in lines)


def hub_facts() -> str:
    """Return the package's facts in Meltano Hub's definition, as YAML."""
    classifiers = metadata("tap-hubspot-threads").get_all("Classifier") or []
    pythons = re.findall(r"Python :: (3\.\d+)", "\n".join(classifiers))
    capabilities = sorted(capability.value for capability in TapHubSpotThreads.capabilities)
    lines = ["capabilities:", *(f"- {name}" for name in capabilities)]
    lines.append(f"description: {json.dumps(metadata('tap-hubspot-threads')['Summary'])}")
    lines += ["supported_python_versions:", *(f'- "{version}"' for version in pythons)]
    return "\n".join(lines)


def security() -> str:
    """Return SECURITY.md as a page of the site."""
    return _text("SECURITY.md").replace("](docs/", "](../")


def changelog() -> str:
    """Return CHANGELOG.md as a page of the site."""
    return _text("CHANGELOG.md")


def airflow() -> str:
    """Return the README of the Airflow example as a page of the site.

    Links to its files become their names, and links to pages start in docs/. The site's lists need
    an indentation of 4 spaces.
    """
    text = re.sub(
        r"\[([\w.]+)\]\(\1\)", r"`examples/airflow/\1`", _text("examples/airflow/README.md")
    )
    text = text.replace("](../../docs/", "](../")
    return re.sub(r"^ {3}(?=\S)", "    ", text, flags=re.MULTILINE)


def example(name: str) -> str:
    """Return a file below examples/ as a code block."""
    path = ROOT / "examples" / name
    language = {".yml": "yaml", ".py": "python"}[path.suffix]
    return f"```{language}\n{path.read_text(encoding='utf-8').strip()}\n```"


def _text(name: str) -> str:
    return "\n" + (ROOT / name).read_text(encoding="utf-8")


def page(name: str) -> str:
    """Return the text of a page below docs/."""
    return (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    """Return the contents of all fenced blocks of a language, without a list's indentation."""
    found = [match for match in FENCE.finditer(text) if match[2] == language]
    return [re.sub(f"^{match[1]}", "", match[3], flags=re.MULTILINE) for match in found]


def _type(definition: dict[str, Any]) -> str:
    types = definition["type"] if isinstance(definition["type"], list) else [definition["type"]]
    name = next(name for name in types if name != "null")
    if definition.get("secret"):
        return f"secret {name}"
    return str(name)
