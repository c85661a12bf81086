"""The documentation, held against the program."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.metadata import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
import yaml
from singer_sdk.about import AboutFormatter

from tap_hubspot_threads.errors import DailyQuotaError
from tap_hubspot_threads.hubspot.client import THREADS
from tap_hubspot_threads.hubspot.limits.daily_quota import DailyQuota
from tap_hubspot_threads.hubspot.responses import RequestContext, raise_for_status
from tap_hubspot_threads.hubspot.transport import Response
from tap_hubspot_threads.settings.schema import SETTINGS
from tap_hubspot_threads.singer.progress import Progress
from tap_hubspot_threads.sync.state.state import SyncState
from tap_hubspot_threads.tap import TapHubSpotThreads
from tests.tools.docs import PAGES, PREFIX, ROOT, TEXTS, blocks, page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_hubspot_threads.singer.progress import Traffic

PACKAGE = "tap_hubspot_threads"
OF_THE_SDK = {"stream_maps", "stream_map_config", "flattening_enabled", "flattening_max_depth"}
WORDS, JOINED = r"\W+", r'"\s*f?"'
"""What is between words, and between the parts of a text in the program."""
MOST_LINES = 150
"""Of README: what one reads before one decides."""


def test_generated_parts_are_current() -> None:
    """The documentation, hub/ and meltano.yml hold what `make docs` would write."""
    files = [*TEXTS, *(ROOT / "hub").glob("*.yml"), ROOT / "meltano.yml"]
    generated = [path for path in files if "[[[cog" in path.read_text(encoding="utf-8")]
    assert len(generated) > 4
    done = subprocess.run(
        [Path(sys.executable).with_name("cog"), "--check", *generated],
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


def test_every_setting() -> None:
    """The table of settings has each one of `--about`, with its meaning, and no other."""
    _, _, table = page("reference/settings").partition("|---|---|---|\n")
    rows = [line for line in table.split("\n\n")[0].splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == list(about())
    for row, setting in zip(rows, about().values(), strict=True):
        assert setting["description"] in row


@pytest.mark.parametrize("name", ["meltano.yml", "hub/tap-hubspot-threads.yml"])
def test_meltano_has_every_setting(name: str) -> None:
    """Meltano is told of each setting of `--about`; secrets as sensitive, defaults the same."""
    declaration = yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))
    (tap,) = declaration.get("plugins", {"extractors": [declaration]})["extractors"]
    declared = {setting["name"]: setting for setting in tap["settings"]}
    assert declared.keys() == about().keys()
    for key, setting in about().items():
        assert declared[key].get("sensitive", False) == setting.get("secret", False)
        assert declared[key].get("value") == setting.get("default")


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


def test_unknown_facts() -> None:
    """CONTRIBUTING lists each module that marks a fact of HubSpot's as UNKNOWN, and no other."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = text.partition("| Module | Unknown |")[2].partition("\n\n")[0]
    listed = {
        name for line in table.splitlines() for name in re.findall(r"`([\w/]+\.py)`", line[:90])
    }
    package = ROOT / PACKAGE
    marked = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if "UNKNOWN:" in path.read_text(encoding="utf-8")
    }
    assert listed == marked


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


def test_readme_is_short() -> None:
    """README is read in one go."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MOST_LINES


def test_links_lead_somewhere() -> None:
    """Each link to a file of the repository leads to one; anchors are checked by the site."""
    for path in TEXTS:
        text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        for target in re.findall(r"\]\(([^)#\s]+)", text):
            if not target.startswith("http"):
                assert (path.parent / target).exists(), f"{path.name}: {target}"


def test_every_page_is_in_the_menu() -> None:
    """The site's menu has each page, once, and no other."""
    menu = re.findall(r'= "([\w/-]+\.md)"', (ROOT / "zensical.toml").read_text(encoding="utf-8"))
    assert sorted(menu) == sorted(str(path.relative_to(ROOT / "docs")) for path in PAGES)


def test_authority_in_a_pod() -> None:
    """What a proxy adds to the CronJob fits it; the variable names the file that is mounted."""
    (added,) = blocks(page("how-to/proxy"), "yaml")
    (whole,) = blocks(page("how-to/schedule-kubernetes"), "yaml")
    pods = [
        yaml.safe_load(block)["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        for block in (added, whole)
    ]
    (container,), (known,) = (pod["containers"] for pod in pods)
    assert container["name"] == known["name"]
    assert not {"volumes"} & pods[1].keys()
    names = [variable["name"] for one in (container, known) for variable in one["env"]]
    assert len(names) == len(set(names))
    (create,) = [one for one in blocks(page("how-to/proxy"), "console") if "configmap" in one]
    created, _, file = create.split("configmap ")[1].strip().partition(" --from-file=")
    (volume,), (mount,) = pods[0]["volumes"], container["volumeMounts"]
    assert volume == {"name": mount["name"], "configMap": {"name": created}}
    bundle = {one["name"]: one["value"] for one in container["env"]}["REQUESTS_CA_BUNDLE"]
    assert bundle == f"{mount['mountPath']}/{file}"


def test_authorities_in_one_file(tmp_path: Path) -> None:
    """The command makes a file of the usual authorities and one more."""
    (command,) = [one for one in blocks(page("how-to/proxy"), "console") if "certifi" in one]
    (tmp_path / "company.pem").write_text("THE COMPANY'S")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    script = command.removeprefix("$ ")
    subprocess.run(["sh", "-c", script], cwd=tmp_path, env=os.environ | {"PATH": path}, check=True)
    both = (tmp_path / "both.pem").read_text(encoding="utf-8")
    assert both.count("BEGIN CERTIFICATE") > 50
    assert both.endswith("THE COMPANY'S")


def test_variables_are_settings() -> None:
    """Each variable of the environment that is named anywhere sets something."""
    settings = SETTINGS["properties"].keys() | OF_THE_SDK
    known = {name.upper() for name in settings} | {"LOGLEVEL", ""}
    known.add("_SELECT")  # Meltano's: which streams and columns
    for path in TEXTS:
        for account, name in re.findall(rf"{PREFIX}(_[A-Z]+_)?([A-Z_]*)", path.read_text("utf-8")):
            assert name in known, f"{path.name}: {account}{name}"


def test_sample_account() -> None:
    """The tutorial starts a sample account as the program does, and shows what that says."""
    (shown,) = [block for block in blocks(page("tutorial"), "console") if "emulator" in block]
    _, command, line = shown.splitlines()
    arguments = command.partition(" python ")[2].replace("8080", "0").split()
    with subprocess.Popen(
        [sys.executable, *arguments], cwd=ROOT, stdout=subprocess.PIPE, encoding="utf-8"
    ) as emulator:
        assert emulator.stdout
        said = emulator.stdout.readline()
        emulator.terminate()
    assert re.sub(r":\d+", ":8080", said).strip() == line


def configs() -> Iterator[dict[str, Any]]:
    """Yield what the documentation's examples set of this tap."""
    for path in TEXTS:
        text = path.read_text(encoding="utf-8")
        for block in blocks(text, "json"):
            found = json.loads(block)
            if not {"bookmarks", "event", "sqlalchemy_url"} & found.keys():
                yield found
        for block in blocks(text, "yaml"):
            found = yaml.safe_load(block)
            entries = found if isinstance(found, list) else [found]
            plugins = [
                plugin
                for entry in entries
                for plugin in entry.get("plugins", {"extractors": [entry]}).get("extractors", [])
            ]
            for plugin in plugins:
                yield plugin.get("config", {})
                yield {setting["name"]: None for setting in plugin.get("settings", ())}


def test_examples_set_what_there_is() -> None:
    """Each name in a `config` or in `settings` is a setting's."""
    names = [name for config in configs() for name in config]
    assert len(names) > 8
    assert set(names) <= SETTINGS["properties"].keys() | OF_THE_SDK


def test_examples_select_what_there_is() -> None:
    """Each rule of a `select` is about a stream, and a column that it has."""
    streams = {
        entry["tap_stream_id"]: entry["schema"]["properties"]
        for entry in TapHubSpotThreads(config={}, validate_config=False).catalog_dict["streams"]
    }
    rules = [
        rule
        for path in PAGES
        for block in blocks(path.read_text(encoding="utf-8"), "yaml")
        for rule in re.findall(r'^ *- "?!?([a-z_]+\.[\w*]+)"?$', block, re.MULTILINE)
    ]
    assert len(rules) > 10
    for stream, column in (rule.split(".") for rule in rules):
        assert column == "*" or column in streams[stream]


def first_cells(text: str) -> set[str]:
    """Return the names in the first cells of a table."""
    cells = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    return {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}


def test_fields_of_the_log() -> None:
    """The page on the log has each field of the last line, and no other."""
    traffic = SimpleNamespace(request_count=0, retry_count=0, quota=(None, None), now=None)
    fields = Progress(lambda: 0.0, cast("Traffic", traffic)).fields({})
    assert first_cells(page("reference/log")) == fields.keys()
    (shown,) = (json.loads(block) for block in blocks(page("reference/log"), "json"))
    assert [name for name in shown if name in fields] == list(fields)
    for name in ("skipped", "messages"):
        assert shown[name].keys() == fields[name].keys()


def test_keys_of_the_state() -> None:
    """The page on the state has each key of either bookmark, and no other."""
    _, threads, messages = page("reference/state").split("\n## bookmarks.")
    kept = SyncState({}, filters="").to_bookmarks(is_final=True)
    assert first_cells(threads) == kept["threads"].keys()
    assert first_cells(messages.partition("\n## ")[0]) == kept["messages"].keys()


def test_every_stream() -> None:
    """The page on streams has each stream, and no other."""
    streams = TapHubSpotThreads(config={}, validate_config=False).catalog_dict["streams"]
    headings = re.findall(r"^## (\w+)$", page("reference/streams"), re.MULTILINE)
    assert sorted(headings) == sorted(entry["tap_stream_id"] for entry in streams)


def test_personal_data() -> None:
    """SECURITY.md says of each stream which of its columns hold personal data."""
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    entries = TapHubSpotThreads(config={}, validate_config=False).catalog_dict["streams"]
    columns = {entry["tap_stream_id"]: entry["schema"]["properties"] for entry in entries}
    rows = [line.split("|")[1:3] for line in text.splitlines() if line.startswith("| `")]
    said = {
        stream: re.findall(r"`(\w+)`", words)
        for names, words in rows
        for stream in names.split("`")[1::2]
    }
    assert said.keys() == columns.keys()
    for stream, names in said.items():
        assert set(names) <= columns[stream].keys()
    secret = {name for name, setting in about().items() if setting.get("secret")}
    (named,) = re.findall(r"Secret settings: (.*)\.", text)
    assert set(re.findall(r"`(\w+)`", named)) == secret


def test_lines_of_a_spent_day() -> None:
    """The two lines of exit code 75 are as the program says them, with the time and without it."""
    day = DailyQuota(10, remaining=64911, limit=650_000, utc_offset=3600.0)
    reserve, spent = blocks(page("how-to/errors"), "text")[-1].splitlines()
    with pytest.raises(DailyQuotaError) as error:
        day.check(0)
    without_time = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d")
    assert without_time.sub("", reserve) == without_time.sub("", str(error.value))
    body = b'{"errorType": "RATE_LIMIT", "policyName": "DAILY"}'
    asked = RequestContext(
        THREADS,
        token="",
        setting="",
        query={},
        now=None,
        any_succeeded=False,
        conversations_succeeded=False,
        quota_reset_notice=DailyQuota().reset_notice(),
    )
    with pytest.raises(DailyQuotaError) as error:
        raise_for_status(Response(429, {}, body), asked)
    assert spent == str(error.value)


def test_lines_of_quiet_runs() -> None:
    """The page on missing threads quotes how a run that brings none says so."""
    traffic = SimpleNamespace(request_count=0, retry_count=0, quota=(None, None), now=None)
    said = []
    cases = [(None, None, 288), (None, "...", 0), (0, None, 0), (None, None, 0)]
    for total, since, unchanged in cases:
        progress = Progress(lambda: 0.0, cast("Traffic", traffic))
        progress.total, progress.since = total, since
        progress.records["threads"], progress.stats.unchanged = 0, unchanged
        said.append(progress.summary().partition(". ")[0])
    cells = [
        line.split("`")[1]
        for line in page("how-to/thread-missing").splitlines()
        if "| `Sync " in line
    ]
    assert cells == said


def test_lines_of_errors() -> None:
    """What the pages on failures quote is in the program: three words in a row at the least."""
    source = "".join(path.read_text("utf-8") for path in (ROOT / PACKAGE).rglob("*.py"))
    known = f" {re.sub(WORDS, ' ', re.sub(JOINED, '', source))} "
    text = page("how-to/errors")
    meltanos = "| `Another ... pipeline is already running ...` | Meltano's own |"
    assert meltanos in text
    text = text.replace(meltanos, "") + page("how-to/other-account")
    cells = [line.split("|")[1] for line in text.splitlines() if line[:3] == "| `"]
    quoted = [re.sub(WORDS, " ", text).split() for cell in cells for text in cell.split("`")[1::2]]
    assert len(quoted) > 15
    for words in quoted:
        runs = [" ".join(words[i : i + 3]) for i in range(len(words) - 2)]
        is_hubspots = "BAD_REFRESH_TOKEN" in words
        assert is_hubspots or any(f" {run} " in known for run in runs), words
