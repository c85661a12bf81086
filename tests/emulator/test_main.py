"""The command line of `python -m emulator`."""

from __future__ import annotations

import subprocess
import sys
from urllib.request import Request, urlopen

import pytest

from emulator.__main__ import main


def test_options() -> None:
    """The account's ID and its behavior are set by options."""
    command = [sys.executable, "-m", "emulator", "--portal-id", "7"]
    command += ["--behavior", '{"account_info": "string"}']
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") as process:
        try:
            assert process.stdout
            _, url, _, token = process.stdout.readline().split()
            headers = {"Authorization": f"Bearer {token}"}
            request = Request(f"{url}/account-info/v3/details", headers=headers)
            with urlopen(request, timeout=10) as response:
                assert b'"portalId": "7"' in response.read()
        finally:
            process.terminate()


def test_unknown_behavior(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error for an unknown field of a behavior names the field."""
    monkeypatch.setattr(sys, "argv", ["emulator", "--behavior", '{"caps": 3}'])
    with pytest.raises(SystemExit):
        main()
    assert "Behavior has no caps" in capsys.readouterr().err
