"""Environment variables: values parsed by the setting's type, and rejected values."""

from __future__ import annotations

from typing import Any

import pytest

from tap_hubspot_threads.errors import SettingsError
from tap_hubspot_threads.settings.cli_inputs import PREFIX, read_environment
from tap_hubspot_threads.tap import TapHubSpotThreads


def schema() -> dict[str, Any]:
    """Return the schema of all settings, including those of the SDK."""
    settings: dict[str, Any] = {"properties": {**TapHubSpotThreads.config_jsonschema["properties"]}}
    TapHubSpotThreads.append_builtin_config(settings)
    return settings


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("max_attempts", " 3 ", 3),
        ("include_archived", "No", False),
        ("fetch_original_content", "on", True),
        ("thread_ids", '["17", 18]', ["17", 18]),
        ("thread_ids", "17,18", ["17", "18"]),
        ("thread_ids", "", []),
        ("property", "a,b", "a,b"),
        ("access_token", "pat", "pat"),
        ("stream_maps", '{"threads": null}', {"threads": None}),
        ("batch_config", '{"encoding": {}}', '{"encoding": {}}'),
    ],
)
def test_value(name: str, text: str, value: object) -> None:
    """A variable is parsed by the type of its setting."""
    assert read_environment(schema(), {PREFIX + name.upper(): text}) == {name: value}


@pytest.mark.parametrize("text", ["", "false", "{}", "null"])
def test_unsupported_setting_switched_off(text: str) -> None:
    """A variable for an unsupported setting is ignored if it is empty or false."""
    assert read_environment(schema(), {f"{PREFIX}BATCH_CONFIG": text}) == {}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("max_attempts", "3.0"),
        ("include_archived", "nope"),
        ("thread_ids", "17"),
        ("thread_ids", '{"a": 1, "b": 2}'),
        ("stream_maps", "{"),
        ("stream_maps", "[" * 100_000),
    ],
)
def test_wrong_type(name: str, text: str) -> None:
    """The error for a wrong type names the variable, without its value."""
    variable = PREFIX + name.upper()
    with pytest.raises(SettingsError, match=f"^{variable}: not ") as raised:
        read_environment(schema(), {variable: text})
    assert len(str(raised.value)) < 120
