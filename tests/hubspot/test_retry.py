"""Trying again: how often, after how long, and when not at all."""

from __future__ import annotations

import itertools

import pytest

from tap_hubspot_threads.errors import HubSpotError, RefusedError, TransientError
from tap_hubspot_threads.hubspot.retry import (
    MAX_RETRY_AFTER,
    MAX_WAIT,
    Retry,
    jitter,
    parse_date,
    retry_after,
    schedule,
    seconds_to_wait,
)


class Failing:
    """A function that fails so often, and then gives 17."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = 0

    def __call__(self) -> int:
        """Fail, or give 17."""
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return 17


@pytest.fixture
def waits() -> list[float]:
    """What was waited."""
    return []


@pytest.fixture
def warnings() -> list[str]:
    """What was warned of."""
    return []


@pytest.fixture
def retry(waits: list[float], warnings: list[str]) -> Retry:
    """Three tries."""
    return Retry(max_attempts=3, wait=waits.append, warn=warnings.append)


def test_success(retry: Retry, waits: list[float], warnings: list[str]) -> None:
    """What does not fail is called once, without a wait or a word."""
    function = Failing()
    assert retry.call(function) == 17
    assert (function.calls, waits, warnings) == (1, [], [])


def test_until_it_succeeds(retry: Retry, waits: list[float], warnings: list[str]) -> None:
    """What fails in a passing way is tried again; each failure is told, with the wait."""
    function = Failing(TransientError("one"), TransientError("two"))
    assert retry.call(function) == 17
    assert len(waits) == 2
    assert warnings[0] == f"one. Attempt 1 of 3 failed; retrying in {waits[0]:.1f} s"
    assert warnings[1].startswith("two. Attempt 2 of 3")


def test_given_up(retry: Retry, waits: list[float], warnings: list[str]) -> None:
    """The last failure is raised, says how often it was tried, and is not waited after."""
    function = Failing(*[TransientError("503", retry_after=1)] * 5)
    with pytest.raises(TransientError, match=r"503. Gave up after 3 attempts") as raised:
        retry.call(function)
    assert (function.calls, len(waits), len(warnings)) == (3, 2, 2)
    assert raised.value.retry_after == 1


@pytest.mark.parametrize(("worth", "calls"), [(1, 1), (2, 2), (3, 3), (9, 3), (None, 3)])
def test_error_that_is_worth_less(retry: Retry, worth: int | None, calls: int) -> None:
    """An error that says how often it is worth a try gets no more, and never more than usual."""
    function = Failing(*[TransientError("404", max_attempts=worth)] * 5)
    with pytest.raises(TransientError, match=f"after {calls} attempts"):
        retry.call(function)
    assert function.calls == calls


def test_worth_of_each_error(retry: Retry, warnings: list[str]) -> None:
    """The last error says how often it is worth a try; a warning says so too."""
    function = Failing(TransientError("404", max_attempts=2), TransientError("503"))
    assert retry.call(function) == 17
    assert "Attempt 1 of 2" in warnings[0]
    assert "Attempt 2 of 3" in warnings[1]


@pytest.mark.parametrize(("asked", "is_waited_for"), [(5, True), (6, False)])
def test_longest_that_is_waited_for(
    asked: float, waits: list[float], *, is_waited_for: bool
) -> None:
    """Where less is worth waiting for, a longer wait that HubSpot asks for ends it."""
    retry = Retry(max_attempts=3, wait=waits.append, warn=lambda _: None, max_retry_after=5)
    function = Failing(TransientError("503", retry_after=asked))
    if is_waited_for:
        assert retry.call(function) == 17
    else:
        with pytest.raises(HubSpotError, match="asks to wait"):
            retry.call(function)
    assert waits == ([5] if is_waited_for else [])


def test_single_try(waits: list[float], warnings: list[str]) -> None:
    """One try is one call."""
    function = Failing(TransientError("503"))
    with pytest.raises(TransientError):
        Retry(max_attempts=1, wait=waits.append, warn=warnings.append).call(function)
    assert (function.calls, waits) == (1, [])


def test_other_errors(retry: Retry) -> None:
    """What does not pass by itself is raised at once."""
    function = Failing(RefusedError("400"))
    with pytest.raises(RefusedError):
        retry.call(function)
    assert function.calls == 1


def test_on_retry(retry: Retry) -> None:
    """Who counts the retries is told of each, and not of the first try."""
    told: list[int] = []
    retry.call(
        Failing(TransientError("429"), TransientError("503")), on_retry=lambda: told.append(1)
    )
    assert len(told) == 2


def test_stopped_while_waiting() -> None:
    """A wait that is ended ends it all."""

    def wait(_: float) -> None:
        raise KeyboardInterrupt

    function = Failing(TransientError("503"))
    with pytest.raises(KeyboardInterrupt):
        Retry(max_attempts=3, wait=wait, warn=lambda _: None).call(function)
    assert function.calls == 1


def test_schedule() -> None:
    """The waits double, up to a minute."""
    assert list(itertools.islice(schedule(), 8)) == [1, 2, 4, 8, 16, 32, MAX_WAIT, MAX_WAIT]


def test_jitter() -> None:
    """A wait is shortened by up to a half, and not always by the same."""
    waits = [jitter(8) for _ in range(200)]
    assert 4 <= min(waits) < 5
    assert 7 < max(waits) <= 8


@pytest.mark.parametrize(
    ("asked", "least", "most"), [(None, 4, 8), (0, 4, 8), (2, 4, 8), (30, 30, 30)]
)
def test_as_long_as_asked(asked: float | None, least: float, most: float) -> None:
    """The schedule's wait, or longer if HubSpot asks for it."""
    assert least <= seconds_to_wait(TransientError("503", retry_after=asked), 8) <= most


def test_longest_wait() -> None:
    """Five minutes are waited; more is an error that says when to come back."""
    allowed = TransientError("477", retry_after=MAX_RETRY_AFTER)
    assert seconds_to_wait(allowed, 1) == MAX_RETRY_AFTER
    with pytest.raises(HubSpotError, match="asks to wait for 20 minutes") as raised:
        seconds_to_wait(TransientError("477", retry_after=1_200), 1)
    assert not isinstance(raised.value, TransientError)


NOW = "Sun, 22 Nov 2026 10:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": ""}, None),
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": " 2.5 "}, 2.5),
        ({"Retry-After": "-3"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "1e9"}, None),
        ({"Retry-After": "9" * 400}, None),
        ({"Retry-After": "Sun, 22 Nov 2026 10:01:30 GMT", "Date": NOW}, 90),
        ({"Retry-After": "Sun, 22 Nov 2026 09:00:00 GMT", "Date": NOW}, 0),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    """It comes as seconds or as a date, which is held against the answer's own."""
    assert retry_after(headers) == seconds


@pytest.mark.parametrize("text", ["", "soon", "2026-11-20", "Sun, 99 Nov 2026 10:00:00 GMT"])
def test_no_date(text: str) -> None:
    """A header that says no moment gives none."""
    assert parse_date(text) is None


@pytest.mark.parametrize(
    "text", [NOW, "Sun, 22 Nov 2026 12:00:00 +0200", NOW.replace("GMT", "-0000")]
)
def test_date(text: str) -> None:
    """A header's moment is in UTC, in whichever zone it was said."""
    moment = parse_date(text)
    assert moment
    assert moment.timestamp() == 1_795_341_600
    assert moment.tzinfo
