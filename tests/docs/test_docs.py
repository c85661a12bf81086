"""The pages of the documentation agree with the program."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from importlib.metadata import metadata, version
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
import yaml
from cryptography.hazmat.primitives import serialization
from singer_sdk.about import AboutFormatter

from tap_hubspot_threads import exit_codes
from tap_hubspot_threads.errors import DailyQuotaError, IncompleteError, SettingsError
from tap_hubspot_threads.hubspot.client import THREADS
from tap_hubspot_threads.hubspot.limits.daily_quota import DailyQuota
from tap_hubspot_threads.hubspot.status_codes import RequestContext, raise_for_status
from tap_hubspot_threads.hubspot.transport import Response
from tap_hubspot_threads.settings.schema import SETTINGS
from tap_hubspot_threads.singer.progress import (
    Progress,
    describe_backfill,
    describe_misfits,
    outcome_of,
)
from tap_hubspot_threads.sync.context import SyncStats
from tap_hubspot_threads.sync.state.sync_state import SyncState
from tap_hubspot_threads.tap import TapHubSpotThreads
from tests.tools.docs import PAGES, PREFIX, ROOT, TEXTS, blocks, page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_hubspot_threads.singer.progress import Traffic

PACKAGE = "tap_hubspot_threads"
SDK_SETTINGS = {"stream_maps", "stream_map_config", "flattening_enabled", "flattening_max_depth"}
WORDS, JOINED = r"\W+", r'"\s*f?"'
"""Matches the gaps between words, and between the parts of a string in the source."""
PAGES_OF_MESSAGES = (
    "troubleshooting/errors",
    "troubleshooting/invalid-settings",
    "troubleshooting/warnings",
    "operate/token-or-account",
)
"""The pages that quote the program's errors and warnings, as code blocks of the language `text`."""
MAX_LINES = 130
"""The maximum length of README: readers decide by it, so it must be short."""


def test_generated_parts_are_current() -> None:
    """The generated parts of docs/, hub/ and meltano.yml are what `make docs` writes."""
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
    """Return the tap's own settings from `--about --format=json`."""
    text = AboutFormatter.get_formatter("json").format_about(TapHubSpotThreads._get_about_info())  # noqa: SLF001
    settings: dict[str, Any] = json.loads(text)["settings"]["properties"]
    return {name: setting for name, setting in settings.items() if name in SETTINGS["properties"]}


def test_every_setting() -> None:
    """The table of settings has exactly the settings of `--about`, with their descriptions."""
    _, _, table = page("reference/settings").partition("|---|---|---|\n")
    rows = [line for line in table.split("\n\n")[0].splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == list(about())
    for row, setting in zip(rows, about().values(), strict=True):
        assert setting["description"] in row


@pytest.mark.parametrize("name", ["meltano.yml", "hub/tap-hubspot-threads.yml"])
def test_meltano_has_every_setting(name: str) -> None:
    """Meltano's declaration has each setting and default, and marks secrets as sensitive."""
    declaration = yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))
    (tap,) = declaration.get("plugins", {"extractors": [declaration]})["extractors"]
    declared = {setting["name"]: setting for setting in tap["settings"]}
    assert declared.keys() == about().keys()
    for key, setting in about().items():
        assert declared[key].get("sensitive", False) == setting.get("secret", False)
        assert declared[key].get("value") == setting.get("default")


def workflows() -> dict[str, Any]:
    """Return the workflows by file name."""
    folder = ROOT / ".github" / "workflows"
    return {path.name: yaml.safe_load(path.read_text("utf-8")) for path in folder.glob("*.yml")}


def test_contributing_names_existing_files() -> None:
    """Each file and folder that CONTRIBUTING names exists in the package or the repository."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = re.findall(r"[\w/.-]+\.(?:py|md|jsonl?|toml|yml)\b", text)
    named += re.findall(r"(?:`|\]\()([\w/]+/)(?:`|\))", text)
    assert len(named) > 30
    folders = (ROOT, ROOT / "tap_hubspot_threads")
    assert [name for name in named if not any((folder / name).exists() for folder in folders)] == []


def test_unknown_facts() -> None:
    """CONTRIBUTING lists exactly the modules that mark a fact about HubSpot as UNKNOWN."""
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


def test_ci_tests_the_supported_pythons() -> None:
    """CI tests the classifiers' Python versions, and the oldest one is the required minimum."""
    classifiers = metadata("tap-hubspot-threads").get_all("Classifier") or []
    supported = re.findall(r"Python :: (3\.\d+)", "\n".join(classifiers))
    assert workflows()["ci.yml"]["jobs"]["test"]["strategy"]["matrix"]["python"] == supported
    assert metadata("tap-hubspot-threads")["Requires-Python"] == f">={supported[0]}"


def test_actions_are_pinned() -> None:
    """Each action is pinned by a commit hash, with its version in a comment."""
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        uses = [line for line in path.read_text("utf-8").splitlines() if "uses:" in line]
        assert uses
        for line in uses:
            assert re.search(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), line


def test_workflows_call_existing_targets() -> None:
    """Each make target that a workflow runs exists in the Makefile."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for workflow in workflows().values():
        for job in workflow["jobs"].values():
            for step in job["steps"]:
                for target in re.findall(r"make (\w+)", step.get("run", "")):
                    assert f"\n{target}:" in makefile


def test_readme_is_short() -> None:
    """README is short enough to read in one go."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MAX_LINES


def test_links() -> None:
    """Each link to a file of the repository leads to a file. The site's build checks anchors."""
    for path in TEXTS:
        text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        for target in re.findall(r"\]\(([^)#\s]+)", text):
            if not target.startswith("http"):
                assert (path.parent / target).exists(), f"{path.name}: {target}"


def test_every_page_is_in_the_menu() -> None:
    """The site's menu has each page exactly once."""
    menu = re.findall(r'= "([\w/-]+\.md)"', (ROOT / "zensical.toml").read_text(encoding="utf-8"))
    assert sorted(menu) == sorted(str(path.relative_to(ROOT / "docs")) for path in PAGES)


def test_the_site_names_the_version() -> None:
    """The footer of the site names the package's version."""
    text = (ROOT / "zensical.toml").read_text(encoding="utf-8")
    assert f'"tap-hubspot-threads {version("tap-hubspot-threads")}, Apache-2.0"' in text


def test_ca_certificate_in_a_pod() -> None:
    """The CronJob for proxies extends the other one, and its variable names the mounted file."""
    (added,) = blocks(page("configure/proxy"), "yaml")
    (whole,) = blocks(page("deploy/kubernetes"), "yaml")
    pods = [
        yaml.safe_load(block)["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        for block in (added, whole)
    ]
    (container,), (known,) = (pod["containers"] for pod in pods)
    assert container["name"] == known["name"]
    assert not {"volumes"} & pods[1].keys()
    names = [variable["name"] for one in (container, known) for variable in one["env"]]
    assert len(names) == len(set(names))
    (create,) = [one for one in blocks(page("configure/proxy"), "console") if "configmap" in one]
    created, _, file = create.split("configmap ")[1].strip().partition(" --from-file=")
    (volume,), (mount,) = pods[0]["volumes"], container["volumeMounts"]
    assert volume == {"name": mount["name"], "configMap": {"name": created}}
    bundle = {one["name"]: one["value"] for one in container["env"]}["REQUESTS_CA_BUNDLE"]
    assert bundle == f"{mount['mountPath']}/{file}"


def test_ca_certificates_in_one_file(tmp_path: Path) -> None:
    """The command creates a file of the default CA certificates and one more."""
    (command,) = [one for one in blocks(page("configure/proxy"), "console") if "$ cat" in one]
    default = "/etc/ssl/certs/ca-certificates.crt"
    if not Path(default).exists():
        pytest.skip(f"This machine has no {default}")
    (tmp_path / "company.pem").write_text("THE COMPANY'S")
    subprocess.run(["sh", "-c", command.removeprefix("$ ")], cwd=tmp_path, check=True)
    both = (tmp_path / "both.pem").read_text(encoding="utf-8")
    assert both.count("BEGIN CERTIFICATE") > 50
    assert both.endswith("THE COMPANY'S")


def test_variables_are_settings() -> None:
    """Each environment variable in the documentation sets something."""
    settings = SETTINGS["properties"].keys() | SDK_SETTINGS
    known = {name.upper() for name in settings} | {"LOGLEVEL", ""}
    known.add("_SELECT")  # Meltano's variable for selecting streams and columns
    for path in TEXTS:
        for account, name in re.findall(rf"{PREFIX}(_[A-Z]+_)?([A-Z_]*)", path.read_text("utf-8")):
            assert name in known, f"{path.name}: {account}{name}"


def test_sample_account() -> None:
    """The tutorial starts a sample account as the program does, and shows its output."""
    (shown,) = [
        block for block in blocks(page("get-started/tutorial"), "console") if "emulator" in block
    ]
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
    """Yield the tap's settings from the examples in the documentation."""
    for path in TEXTS:
        text = path.read_text(encoding="utf-8")
        for block in blocks(text, "json"):
            found = json.loads(block)
            if isinstance(found, list):  # accounts.json
                yield from (account.get("settings", {}) for account in found)
            elif not {"bookmarks", "event", "sqlalchemy_url", "destination_path"} & found.keys():
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


def test_examples_use_existing_settings() -> None:
    """Each name in an example's `config` or `settings` is a setting."""
    names = [name for config in configs() for name in config]
    assert len(names) > 8
    assert set(names) <= SETTINGS["properties"].keys() | SDK_SETTINGS


def test_examples_select_existing_columns() -> None:
    """Each `select` rule in the examples names a stream and one of its columns."""
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
    """The page on the log lists exactly the fields of the last line."""
    traffic = SimpleNamespace(request_count=0, retry_count=0, quota=(None, None), now=None)
    fields = Progress(lambda: 0.0, cast("Traffic", traffic)).fields({})
    assert first_cells(page("reference/log")) == fields.keys()
    (shown,) = (json.loads(block) for block in blocks(page("reference/log"), "json"))
    assert [name for name in shown if name in fields] == list(fields)
    for name in ("skipped", "messages"):
        assert shown[name].keys() == fields[name].keys()


def test_keys_of_the_state() -> None:
    """The schema of the state describes exactly its keys, and the page shows some of them."""
    schema = json.loads((ROOT / PACKAGE / "schemas" / "state.json").read_text("utf-8"))
    described = schema["properties"]["bookmarks"]["properties"]
    bookmarks = SyncState({}, filters="").to_bookmarks(is_final=True)
    _, threads, messages = page("reference/state").split("\n## bookmarks.")
    for name, section in [("threads", threads), ("messages", messages.partition("\n## ")[0])]:
        assert described[name]["properties"].keys() == bookmarks[name].keys()
        assert set() < first_cells(section) <= bookmarks[name].keys()


def test_every_stream() -> None:
    """The page on streams lists exactly the streams."""
    streams = TapHubSpotThreads(config={}, validate_config=False).catalog_dict["streams"]
    headings = re.findall(r"^## (\w+)$", page("reference/streams"), re.MULTILINE)
    assert sorted(headings) == sorted(entry["tap_stream_id"] for entry in streams)


@pytest.mark.parametrize(
    ("name", "heading"),
    [
        ("reference/streams", "# Streams and columns"),
        ("get-started/capabilities", "## How changes arrive, per stream"),
        ("get-started/capabilities", "## Contents and cost, per stream"),
    ],
)
def test_tables_of_streams(name: str, heading: str) -> None:
    """Each table that compares the streams has every stream once."""
    section = page(name).partition(f"{heading}\n")[2].partition("\n## ")[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("|")]
    named = [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]
    streams = TapHubSpotThreads(config={}, validate_config=False).catalog_dict["streams"]
    assert sorted(named) == sorted(entry["tap_stream_id"] for entry in streams)


def test_exit_codes() -> None:
    """The page on exit codes has the codes that the program lists."""
    rows = re.findall(r"^\| (\d[\d +n]*) \|", page("reference/exit-codes"), re.MULTILINE)
    assert rows == re.findall(r"^\| (\d[\d +n]*) \|", str(exit_codes.__doc__), re.MULTILINE)


def test_lines_of_the_log() -> None:
    """The page on the log quotes the program's lines about the backfill and about misfits."""
    text = page("reference/log")
    (backfill,) = describe_backfill(SyncStats(backfill=(61_204, 100_000)))
    assert f"\n{backfill}.\n" in text
    counts = {"threads.createdAt": 1, "messages.attachments": 1}
    assert f"\n{describe_misfits(counts)}\n" in text
    for error in (None, IncompleteError(), DailyQuotaError(""), SettingsError()):
        assert f"\n| {outcome_of(error)} |" in text


def test_personal_data() -> None:
    """SECURITY.md lists each stream, and the personal data in its columns."""
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    entries = TapHubSpotThreads(config={}, validate_config=False).catalog_dict["streams"]
    columns = {entry["tap_stream_id"]: entry["schema"]["properties"] for entry in entries}
    rows = [line.split("|")[1:3] for line in text.splitlines() if line.startswith("| `")]
    said: dict[str, list[str]] = {}
    for cell, words in rows:
        for stream in cell.split("`")[1::2]:
            said.setdefault(stream, []).extend(re.findall(r"`(\w+)`", words))
    assert said.keys() == columns.keys()
    for stream, names in said.items():
        assert set(names) <= columns[stream].keys()
    secret = {name for name, setting in about().items() if setting.get("secret")}
    (named,) = re.findall(r"Secret settings: (.*)\.", text)
    assert set(re.findall(r"`(\w+)`", named)) == secret


def test_messages_of_exit_code_75() -> None:
    """The documented messages of exit code 75 are the program's, with and without a time."""
    quota = DailyQuota(10, remaining=64911, limit=650_000, utc_offset=3600.0)
    reserve, spent = next(
        block.splitlines()
        for block in blocks(page("troubleshooting/errors"), "text")
        if "daily_quota_reserve_percent" in block
    )
    with pytest.raises(DailyQuotaError) as error:
        quota.check(0)
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


def test_summaries_of_empty_runs() -> None:
    """The page on missing threads quotes the program's summaries of runs without records."""
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
        for line in page("troubleshooting/missing-threads").splitlines()
        if "| `Sync " in line
    ]
    assert cells == said


def test_error_messages() -> None:
    """The documented error messages are in the program, by at least three words in a row."""
    source = "".join(path.read_text("utf-8") for path in (ROOT / PACKAGE).rglob("*.py"))
    known = f" {re.sub(WORDS, ' ', re.sub(JOINED, '', source))} "
    pages = "".join(map(page, PAGES_OF_MESSAGES))
    lines = [line for block in blocks(pages, "text") for line in block.splitlines()]
    assert len(lines) > 60
    quoted = [re.sub(WORDS, " ", line).split() for line in lines]
    for words in quoted:
        runs = [" ".join(words[i : i + 3]) for i in range(len(words) - 2)]
        assert any(f" {run} " in known for run in runs), words


def test_snowflake_key_pair(tmp_path: Path) -> None:
    """The commands create an encrypted private key and print its public key on one line."""
    found = blocks(page("destinations/snowflake"), "console")
    (commands,) = [block for block in found if "openssl" in block]
    script = [line.removeprefix("$ ") for line in commands.splitlines() if line.startswith("$ ")]
    printed = subprocess.run(
        ["bash", "-ec", "\n".join(script)],
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        check=True,
    ).stdout
    key = serialization.load_pem_private_key(
        (tmp_path / "snowflake_key.p8").read_bytes(), password=b"a long passphrase"
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert base64.b64decode(printed, validate=True) == public
