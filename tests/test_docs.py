"""The documentation, held against the program."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.metadata import metadata
from pathlib import Path
from typing import Any

import yaml
from singer_sdk.about import AboutFormatter

from tap_hubspot_threads.settings.definitions import SETTINGS
from tap_hubspot_threads.tap import TapHubSpotThreads

ROOT = Path(__file__).parent.parent


def test_generated_parts_are_current() -> None:
    """README and meltano.yml hold what `make docs` would write."""
    done = subprocess.run(
        [Path(sys.executable).with_name("cog"), "--check", "README.md", "meltano.yml"],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def about() -> dict[str, Any]:
    """Return what `--about --format=json` says of the tap's own settings."""
    text = AboutFormatter.get_formatter("json").format_about(TapHubSpotThreads._get_about_info())  # noqa: SLF001
    settings: dict[str, Any] = json.loads(text)["settings"]["properties"]
    return {name: setting for name, setting in settings.items() if name in SETTINGS["properties"]}


def test_readme_has_every_setting() -> None:
    """README's table has each setting of `--about`, with its meaning, and no other."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    _, _, table = text.partition("| setting | type, default | meaning |\n|---|---|---|\n")
    rows = [line for line in table.split("\n<!--")[0].splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == list(about())
    for row, setting in zip(rows, about().values(), strict=True):
        assert setting["description"] in row


def test_meltano_has_every_setting() -> None:
    """meltano.yml declares each setting of `--about`; secrets as sensitive, defaults the same."""
    project = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))
    (tap,) = project["plugins"]["extractors"]
    declared = {setting["name"]: setting for setting in tap["settings"]}
    assert declared.keys() == about().keys()
    for name, setting in about().items():
        assert declared[name].get("sensitive", False) == setting.get("secret", False)
        assert declared[name].get("value") == setting.get("default")


def workflows() -> dict[str, Any]:
    """Return the workflows by their file's name."""
    folder = ROOT / ".github" / "workflows"
    return {path.name: yaml.safe_load(path.read_text("utf-8")) for path in folder.glob("*.yml")}


def test_contributing_names_what_there_is() -> None:
    """Each file and folder that CONTRIBUTING names is there, in the package or the repository."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = re.findall(r"[\w/.-]+\.(?:py|md|jsonl?|toml|yml)\b", text)
    named += re.findall(r"(?:`|\]\()([\w/]+/)(?:`|\))", text)
    assert len(named) > 30
    folders = (ROOT, ROOT / "tap_hubspot_threads")
    assert [name for name in named if not any((folder / name).exists() for folder in folders)] == []


def test_ci_runs_each_python_that_is_promised() -> None:
    """CI's Pythons are those of the classifiers, and the oldest one is the oldest that installs."""
    classifiers = metadata("tap-hubspot-threads").get_all("Classifier") or []
    promised = re.findall(r"Python :: (3\.\d+)", "\n".join(classifiers))
    assert workflows()["ci.yml"]["jobs"]["test"]["strategy"]["matrix"]["python"] == promised
    assert metadata("tap-hubspot-threads")["Requires-Python"] == f">={promised[0]}"


def test_actions_are_pinned() -> None:
    """Each action is pinned by the hash of a commit, with its version beside it."""
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        uses = [line for line in path.read_text("utf-8").splitlines() if "uses:" in line]
        assert uses
        for line in uses:
            assert re.search(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), line


def test_workflows_call_what_there_is() -> None:
    """What a workflow runs by make is a target of the Makefile."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for workflow in workflows().values():
        for job in workflow["jobs"].values():
            for step in job["steps"]:
                for target in re.findall(r"make (\w+)", step.get("run", "")):
                    assert f"\n{target}:" in makefile
