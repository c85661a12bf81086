"""The plugin's definition follows the schemas of Meltano Hub."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.tools.docs import ROOT

PATH = ROOT / "hub" / "tap-hubspot-threads.yml"

# From the Hub's schemas/plugin_definitions/extractors.schema.json and the schemas that it
# references, as of 2026.
REQUIRED = {"name", "namespace", "variant", "quality"}
ALLOWED = {
    *REQUIRED,
    *("capabilities", "commands", "definition", "description", "docs", "domain_url", "executable"),
    *("hidden", "keywords", "label", "log_parser", "logo_url", "maintenance_status", "metadata"),
    *("next_steps", "pip_url", "prereq", "python", "repo", "requires", "schema", "select"),
    *("settings", "settings_group_validation", "settings_preamble", "supported_python_versions"),
    "usage",
}
CAPABILITIES = {
    *("about", "activate-version", "batch", "catalog", "discover", "log-based", "properties"),
    *("schema-flattening", "state", "stream-maps", "structured-logging", "test"),
}
SETTING_FIELDS = {
    *("aliases", "description", "docs", "documentation", "env", "hidden", "kind", "label", "name"),
    *("oauth", "options", "placeholder", "sensitive", "tooltip", "value", "value_post_processor"),
    "value_processor",
}
KINDS = {
    *("array", "boolean", "date_iso8601", "decimal", "email", "file", "hidden", "integer"),
    *("oauth", "object", "options", "password", "string"),
}


def definition() -> dict[str, Any]:
    """Return the definition."""
    found: dict[str, Any] = yaml.safe_load(PATH.read_text(encoding="utf-8"))
    return found


def test_plugin() -> None:
    """The definition has all required fields, with valid types and values."""
    plugin = definition()
    assert REQUIRED <= plugin.keys() <= ALLOWED
    assert plugin["quality"] in {"gold", "silver", "bronze", "unknown"}
    assert plugin["maintenance_status"] in {"active", "beta", "development", "inactive", "unknown"}
    assert set(plugin["capabilities"]) <= CAPABILITIES
    for name in ("keywords", "select", "supported_python_versions"):
        assert all(isinstance(item, str) for item in plugin[name])
    assert all(re.fullmatch(r"3\.\d+", version) for version in plugin["supported_python_versions"])


def test_settings() -> None:
    """Each setting has a name and a known kind, and options have texts."""
    plugin = definition()
    for setting in plugin["settings"]:
        assert {"name", "kind"} <= setting.keys() <= SETTING_FIELDS
        assert setting["kind"] in KINDS
        assert ("options" in setting) == (setting["kind"] == "options")
        for option in setting.get("options", ()):
            assert all(isinstance(text, str) for text in (option["label"], option["value"]))
    names = {setting["name"] for setting in plugin["settings"]}
    assert all(set(group) <= names for group in plugin["settings_group_validation"])


def test_add_to_a_project(tmp_path: Path) -> None:
    """Meltano adds the plugin to an empty project."""
    (tmp_path / "meltano.yml").write_text("send_anonymous_usage_stats: false\n")
    command = [
        str(Path(sys.executable).with_name("meltano")),
        *("add", "tap-hubspot-threads", "--plugin-type", "extractor"),
        *("--from-ref", str(PATH), "--no-install"),
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    project = yaml.safe_load((tmp_path / "meltano.yml").read_text(encoding="utf-8"))
    (tap,) = project["plugins"]["extractors"]
    assert tap["pip_url"] == "tap-hubspot-threads"
    assert [s["name"] for s in tap["settings"]] == [s["name"] for s in definition()["settings"]]
