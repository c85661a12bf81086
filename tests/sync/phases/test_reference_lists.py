"""Streams that are listed as a whole: what is asked, what a refusal costs, a sync of them alone."""

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
from tap_hubspot_threads.models import CHECKPOINT, REFERENCE_LISTS, ReferenceList, Selection
from tap_hubspot_threads.sync.phases.reference_lists import load_reference_lists
from tests.sync.fakes import Inline, context, fake, page, passing, write

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_hubspot_threads.models import Event

INBOXES, CHANNELS, ACCOUNTS = REFERENCE_LISTS


class Lists:
    """Reference lists of an account, and what failed of them."""

    def __init__(self, api: Any, *selected: ReferenceList) -> None:
        self._api = api
        self._context = context(None, Selection(threads=False, reference_lists=selected))

    def run(self) -> Iterator[Event]:
        """Load them."""
        return load_reference_lists(self._api, Inline(), self._context)

    def check(self) -> None:
        """Raise an error for those that failed."""
        self._context.failures.check()


def thing(name: str) -> dict[str, Any]:
    """Make a row of such a stream."""
    return {"id": name}


def test_all_pages() -> None:
    """A stream comes whole, from page to page."""
    hubspot = fake(page(thing("1"), cursor="x"), page(thing("2")))
    assert write(Lists(hubspot, CHANNELS).run()) == [("channels", "1"), ("channels", "2")]
    assert hubspot.asked == [
        ("list_all", CHANNELS, None, False),
        ("list_all", CHANNELS, "x", False),
    ]


@pytest.mark.parametrize("listed", REFERENCE_LISTS, ids=lambda listed: listed.name)
def test_archived_side_where_there_is_one(listed: ReferenceList) -> None:
    """Archived ones are asked for behind the others, and only where the API has them."""
    hubspot = fake(page(thing("1")), page(thing("2")))
    write(Lists(hubspot, listed).run())
    assert [archived for *_, archived in hubspot.asked] == (
        [False, True] if listed.has_archived else [False]
    )


def test_a_pause_behind_each_page() -> None:
    """Behind each page STATE may go out."""
    _, first, _, second = Lists(
        fake(page(thing("1"), cursor="x"), page(thing("2"))), CHANNELS
    ).run()
    assert [first, second] == [CHECKPOINT] * 2


def test_nothing_selected() -> None:
    """No stream is no call, and no error."""
    hubspot = fake()
    none = Lists(hubspot)
    assert write(none.run()) == []
    none.check()
    assert hubspot.asked == []


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (RefusedError("403"), 1),
        (RefusedError("403", lacks_scope=True), 78),
        (passing(), 1),
        (HubSpotError("404"), 78),
        (PaginationLoopError("again"), 1),
    ],
    ids=["refused", "no scope", "transient", "other", "no progress"],
)
def test_refusal_of_one(
    error: HubSpotError, exit_code: int, caplog: pytest.LogCaptureFixture
) -> None:
    """One that cannot be listed is told, does not stop the others, and is an error at the end."""
    some = Lists(fake(error, page(thing("1"))), INBOXES, CHANNELS)
    assert write(some.run()) == [("channels", "1")]
    assert "inboxes could not be loaded" in caplog.text
    with pytest.raises(
        IncompleteError,
        match=r"Could not read the stream\(s\) inboxes; everything else was synced",
    ) as raised:
        some.check()
    assert raised.value.exit_code == exit_code


def test_refusal_between_pages() -> None:
    """What came of a stream before its refusal stays out."""
    some = Lists(fake(page(thing("1"), cursor="x"), RefusedError("400")), CHANNELS)
    assert write(some.run()) == [("channels", "1")]
    with pytest.raises(IncompleteError):
        some.check()


def test_refusals_of_several() -> None:
    """All that could not be listed are named, and the code is that of what has to be mended."""
    some = Lists(fake(RefusedError("403", lacks_scope=True), passing()), INBOXES, CHANNELS)
    write(some.run())
    with pytest.raises(IncompleteError, match="inboxes, channels") as raised:
        some.check()
    assert raised.value.exit_code == EX_CONFIG


@pytest.mark.parametrize(
    "error", [HubSpotError("401", is_auth_error=True), DailyQuotaError("spent")], ids=["401", "day"]
)
def test_what_ends_the_sync(error: HubSpotError) -> None:
    """A token that is not accepted and a spent day end it all."""
    hubspot = fake(error, page(thing("1")))
    with pytest.raises(HubSpotError) as raised:
        write(Lists(hubspot, INBOXES, CHANNELS).run())
    assert raised.value is error
    assert len(hubspot.asked) == 1
