"""The Containerfile: its text, and its steps run without a container engine.

`make test-package` runs the steps in a folder instead of the image's root, with the Python of the
tests instead of the base image's.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from emulator.server import TOKEN
from tests.conftest import UNBUFFERED, Output

if TYPE_CHECKING:
    from tests.conftest import Lab

ROOT = Path(__file__).parents[2]
FILE = ROOT / "Containerfile"
FOLDERS = r"(?<![\w./])/(opt|src)\b"
"""Matches the folders of the image's files in commands."""
PASSED_ON = ("UV_", "PIP_", "SSL_", "TAP_HUBSPOT_THREADS_")
PLANTED = "pat-na1-planted-0000-4000"


@dataclass
class Stage:
    """A build stage: its base, and its steps as (instruction, arguments)."""

    base: str
    name: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def last(self, instruction: str) -> str:
        """Return the arguments of the last instruction of a type."""
        return next(rest for name, rest in reversed(self.steps) if name == instruction)


def read() -> list[Stage]:
    """Return the stages of the Containerfile."""
    lines = [line for line in FILE.read_text().splitlines() if not line.startswith("#")]
    stages: list[Stage] = []
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        instruction, _, rest = line.partition(" ")
        if instruction == "FROM":
            base, _, name = rest.partition(" AS ")
            stages.append(Stage(base, name))
        elif instruction:
            stages[-1].steps.append((instruction, rest.strip()))
    return stages


STAGES = read()
FINAL = [stage for stage in STAGES if stage.name != "build"]


def test_base() -> None:
    """All stages use the same slim base image, with a supported Python version."""
    (base,) = {stage.base for stage in STAGES}
    version = re.fullmatch(r"docker\.io/library/python:(3\.\d+)-slim", base)
    assert version
    classifier = f"Programming Language :: Python :: {version[1]}"
    assert classifier in (ROOT / "pyproject.toml").read_text()
    (uv,) = re.findall(r"uv==([\d.]+)", (ROOT / "Makefile").read_text())
    assert f"uv=={uv}" in FILE.read_text()


@pytest.mark.parametrize("stage", FINAL, ids=lambda stage: stage.name)
def test_user_and_entrypoint(stage: Stage) -> None:
    """A numeric user other than root runs the program directly, so signals reach it."""
    assert min(map(int, stage.last("USER").split(":"))) > 1000
    assert json.loads(stage.last("ENTRYPOINT"))
    assert [name for name, _ in stage.steps][-1] in {"ENTRYPOINT", "CMD"}
    assert "RUN" not in {name for name, _ in stage.steps}


def test_no_secret_in_the_build() -> None:
    """The build knows no setting, and it can copy only the allowed files."""
    steps = [step for stage in STAGES for step in stage.steps]
    assert not {name for name, _ in steps} & {"ADD", "ARG"}
    assert not re.search(r"TOKEN|SECRET|PASSWORD|_URL", str(steps))
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    allowed = {line[1:] for line in ignored if line.startswith("!")}
    assert next(line for line in ignored if not line.startswith("#")) == "*"
    copies = [rest for name, rest in steps if name == "COPY" and not rest.startswith("--from")]
    copied = {path for rest in copies for path in rest.split()[:-1]}
    assert copied == allowed
    assert all((ROOT / path).exists() for path in copied)


class Image:
    """Runs stages in a folder that stands for the root of an image."""

    def __init__(self, folder: Path) -> None:
        self._root = folder / "root"
        self._built = folder / "built"
        self.files = folder / "root" / "opt"

    def build(self) -> None:
        """Run the build stage."""
        self._run(STAGES[0])
        self._root.rename(self._built)

    def finish(self, stage: Stage) -> None:
        """Run a final stage, which keeps only the files that it copies."""
        shutil.rmtree(self._root, ignore_errors=True)
        self._run(stage)

    def start(self, stage: Stage, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the stage's program, as an engine does without further arguments."""
        ends = [rest for name, rest in stage.steps if name in {"ENTRYPOINT", "CMD"}]
        command = shlex.join(word for rest in ends for word in json.loads(rest))
        return self._shell(command, environment | {"PATH": self._place(stage.last("ENV")[5:])})

    def _run(self, stage: Stage) -> None:
        environment: dict[str, str] = {}
        folder = self._root
        folder.mkdir()
        for name, rest in stage.steps:
            if name == "WORKDIR":
                folder = Path(self._place(rest))
                folder.mkdir(parents=True)
            elif name == "ENV":
                environment |= dict(word.split("=", 1) for word in rest.split())
            elif name == "COPY":
                self._copy(rest.split(), folder)
            elif name == "RUN":
                done = self._shell(rest, environment, folder)
                assert done.returncode == 0, done.stderr

    def _copy(self, words: list[str], folder: Path) -> None:
        source = ROOT
        if words[0].startswith("--from="):
            words.pop(0)
            source = self._built
        *paths, place = words
        for path in paths:
            target = folder / self._place(place)
            if place == "./":
                target /= path
            target.parent.mkdir(parents=True, exist_ok=True)
            whole = source / path.lstrip("/")
            if whole.is_dir():
                ignored = shutil.ignore_patterns("__pycache__") if source == ROOT else None
                shutil.copytree(whole, target, symlinks=True, ignore=ignored)
            else:
                shutil.copy(whole, target)

    def _place(self, text: str) -> str:
        return re.sub(FOLDERS, rf"{self._root}/\1", text)

    def _shell(
        self, command: str, environment: dict[str, str], folder: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        given = {"PATH": path, "HOME": "/nonexistent", **environment}
        given["PATH"] = given["PATH"].replace("$PATH", path)
        passed_on = {k: v for k, v in os.environ.items() if k.startswith(PASSED_ON)}
        return subprocess.run(
            ["sh", "-euc", self._place(command)],
            cwd=folder,
            env=passed_on | given,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )


def snapshot(folder: Path) -> dict[Path, int]:
    """Return the files of a folder with their modification times."""
    return {path: path.lstat().st_mtime_ns for path in folder.rglob("*")}


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """Build an image while a token is in the environment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TAP_HUBSPOT_THREADS_ACCESS_TOKEN", PLANTED)
        image = Image(tmp_path_factory.mktemp("image"))
        image.build()
    return image


@pytest.mark.package
@pytest.mark.parametrize("stage", FINAL, ids=lambda stage: stage.name)
@UNBUFFERED
def test_steps(stage: Stage, image: Image, lab: Lab, environment: dict[str, str]) -> None:
    """The image works for any user, changes none of its files, and contains no token."""
    image.finish(stage)
    built = snapshot(image.files)
    if stage.name == "tap":
        done = image.start(
            stage,
            TAP_HUBSPOT_THREADS_API_URL=lab.emulator.url,
            TAP_HUBSPOT_THREADS_ACCESS_TOKEN=TOKEN,
            **environment,
        )
        assert done.returncode == 0, done.stderr
        assert Output(done.stdout).ids == lab.ids
    else:
        done = image.start(stage, **environment)
        assert done.returncode == 2, done.stdout + done.stderr
        assert "usage: run_account.py ACCOUNT" in done.stderr
    assert snapshot(image.files) == built
    for path in built:
        if not path.is_symlink():
            mode = path.stat().st_mode
            needed = stat.S_IROTH | (stat.S_IXOTH if path.is_dir() else 0)
            assert mode & needed == needed, path
            assert path.is_dir() or PLANTED.encode() not in path.read_bytes(), path
