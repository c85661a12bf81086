"""Reference lists: what is requested, and what a failure costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tap_hubspot_threads.errors import (
    EX_CONFIG,
    DailyQuotaError,
    HubSpotError,
    IncompleteError,
    PaginationLoopError,
    RefusedError,
)
from tap_hubspot_threads.models import CHECKPOINT, Selection
from tap_hubspot_threads.reference_lists import REFERENCE_LISTS, ReferenceList
from tap_hubspot_threads.sync.phases.read_reference_lists import read_reference_lists
from tests.sync.fakes import Inline, fake, make_context, page, transient_error, write

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_hubspot_threads.models import Event

INBOXES, CHANNELS, ACCOUNTS = REFERENCE_LISTS


class Lists:
    """The selected reference lists of an account, and their failures."""

    def __init__(self, api: Any, *selected: ReferenceList) -> None:
        self._api = api
        self._context = make_context(None, Selection(threads=False, reference_lists=selected))

    def run(self) -> Iterator[Event]:
        """Load the lists."""
        return read_reference_lists(self._api, Inline(), self._context)

    def check(self) -> None:
        """Raise an error if a list failed."""
        self._context.failures.check()


def list_row(name: str) -> dict[str, Any]:
    """Return a row of a reference list."""
    return {"id": name}


def test_all_pages() -> None:
    """A list is read in full, page by page."""
    hubspot = fake(page(list_row("1"), cursor="x"), page(list_row("2")))
    assert write(Lists(hubspot, CHANNELS).run()) == [("channels", "1"), ("channels", "2")]
    assert hubspot.requests == [
        ("list_all", CHANNELS, None, False),
        ("list_all", CHANNELS, "x", False),
    ]


@pytest.mark.parametrize("selected", REFERENCE_LISTS, ids=lambda selected: selected.name)
def test_archived_rows(selected: ReferenceList) -> None:
    """Archived rows are requested last, and only if the API has them."""
    hubspot = fake(page(list_row("1")), page(list_row("2")))
    write(Lists(hubspot, selected).run())
    assert [archived for *_, archived in hubspot.requests] == (
        [False, True] if selected.has_archived else [False]
    )


def test_checkpoint_after_each_page() -> None:
    """A checkpoint follows each page."""
    _, first, _, second = Lists(
        fake(page(list_row("1"), cursor="x"), page(list_row("2"))), CHANNELS
    ).run()
    assert [first, second] == [CHECKPOINT] * 2


def test_nothing_selected() -> None:
    """Without a selected list there is no API call and no error."""
    hubspot = fake()
    lists = Lists(hubspot)
    assert write(lists.run()) == []
    lists.check()
    assert hubspot.requests == []


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (RefusedError("403"), 1),
        (RefusedError("403", lacks_scope=True), 78),
        (transient_error(), 1),
        (HubSpotError("404"), 78),
        (PaginationLoopError("again"), 1),
    ],
    ids=["refused", "no scope", "transient", "other", "pagination loop"],
)
def test_failure_of_one_list(
    error: HubSpotError, exit_code: int, caplog: pytest.LogCaptureFixture
) -> None:
    """A failed list is logged, does not stop the others, and is an error at the end."""
    lists = Lists(fake(error, page(list_row("1"))), INBOXES, CHANNELS)
    assert write(lists.run()) == [("channels", "1")]
    assert "Could not read inboxes" in caplog.text
    with pytest.raises(
        IncompleteError, match=r"Could not read the stream\(s\) inboxes; everything else was synced"
    ) as raised:
        lists.check()
    assert raised.value.exit_code == exit_code


def test_failure_between_pages() -> None:
    """Rows read before a failure are emitted."""
    lists = Lists(fake(page(list_row("1"), cursor="x"), RefusedError("400")), CHANNELS)
    assert write(lists.run()) == [("channels", "1")]
    with pytest.raises(IncompleteError):
        lists.check()


def test_failures_of_several_lists() -> None:
    """The error names all failed lists, and a missing scope decides the exit code."""
    lists = Lists(fake(RefusedError("403", lacks_scope=True), transient_error()), INBOXES, CHANNELS)
    write(lists.run())
    with pytest.raises(IncompleteError, match="inboxes, channels") as raised:
        lists.check()
    assert raised.value.exit_code == EX_CONFIG


@pytest.mark.parametrize(
    "error",
    [HubSpotError("401", is_auth_error=True), DailyQuotaError("spent")],
    ids=["401", "quota"],
)
def test_token_and_quota_errors_end_the_sync(error: HubSpotError) -> None:
    """A rejected token or a spent daily quota ends the sync."""
    hubspot = fake(error, page(list_row("1")))
    with pytest.raises(HubSpotError) as raised:
        write(Lists(hubspot, INBOXES, CHANNELS).run())
    assert raised.value is error
    assert len(hubspot.requests) == 1
