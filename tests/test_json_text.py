"""JSON text is the encoder's own, whether or not its inner one is made once."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import pytest

from tap_hubspot_threads import values
from tap_hubspot_threads.values import make_encode

AT = datetime(2026, 11, 20, tzinfo=timezone.utc)
VALUES: list[Any] = [
    {"b": 'é\u2028\ud83d\x7f"\\\n', "a": None, "": {"d": [True, -1, 2**70], "c": []}},
    {"float": [1e16, 0.1, float("nan"), float("inf")], 1: {}, None: "", "time": AT},
    [],
    "text",
    None,
    AT,
]
ENCODERS = [
    json.JSONEncoder(separators=(",", ":"), default=str),
    json.JSONEncoder(default=str),
]


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
@pytest.mark.parametrize("encoder", ENCODERS, ids=["compact", "default"])
def test_same_text(encoder: json.JSONEncoder, value: object) -> None:
    """The text is the same to the byte: escapes, numbers, what is no JSON; also a second time."""
    encode = make_encode(encoder)
    assert [encode(value), encode(value)] == [encoder.encode(value)] * 2


def test_sorted() -> None:
    """Keys are sorted at any depth where the encoder sorts them."""
    encoder = json.JSONEncoder(sort_keys=True)
    assert make_encode(encoder)(VALUES[0]) == encoder.encode(VALUES[0])


def test_what_it_cannot_encode() -> None:
    """A value that JSON has no form for is the same error, and no harm to the next one."""
    encode = make_encode(json.JSONEncoder())
    with pytest.raises(TypeError, match="not JSON serializable"):
        encode({"a": {1, 2}})
    assert encode({"a": 1}) == '{"a": 1}'


@pytest.mark.parametrize("other", [None, lambda only: only], ids=["none", "another"])
def test_other_python(monkeypatch: pytest.MonkeyPatch, other: object) -> None:
    """Where Python has no such inner encoder, or another one, the text is the same."""
    monkeypatch.setattr(values, "_MAKE_INNER_ENCODER", other)
    assert make_encode(ENCODERS[0])(VALUES[0]) == ENCODERS[0].encode(VALUES[0])
