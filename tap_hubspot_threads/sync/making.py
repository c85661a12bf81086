"""From the settings and the selection to the parts of a sync that work together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_hubspot_threads.sync.account import AccountSync
from tap_hubspot_threads.sync.actors import Actors
from tap_hubspot_threads.sync.configured import ConfiguredSync
from tap_hubspot_threads.sync.kept import Kept
from tap_hubspot_threads.sync.lists import Lists, ListsSync
from tap_hubspot_threads.sync.messages import Messages
from tap_hubspot_threads.sync.options import Options
from tap_hubspot_threads.sync.read import Read
from tap_hubspot_threads.sync.selection import Selection
from tap_hubspot_threads.sync.wanted import Wanted

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from tap_hubspot_threads.contract import HubSpot
    from tap_hubspot_threads.sync.out import Out, Stage, Sync
    from tap_hubspot_threads.sync.workers import Workers


def make_sync(
    config: Mapping[str, Any],
    *,
    hubspot: HubSpot,
    workers: Workers,
    ids: Iterable[str] | None,
    selected: Collection[str],
    with_originals: bool,
    bookmarks: Mapping[str, Any],
    clock: Callable[[], float],
    log: logging.Logger,
) -> Sync | None:
    """Make the sync that the settings and the selection want; None: there is nothing to read.

    Args:
        config: The settings.
        hubspot: The account.
        workers: Who reads it.
        ids: The threads that the settings name; None: the account is read.
        selected: The streams' names.
        with_originals: Whether the whole text of messages is read.
        bookmarks: What the last sync of the account kept, by stream.
        clock: Monotonic seconds.
        log: Is told what a person should know.
    """
    selection, wanted = Selection.of(selected), Wanted.of(config)
    if not (selection.of_threads or selection.thread_index or selection.listed):
        return None
    kept = Kept(
        {} if ids is not None else bookmarks,
        wanted=wanted.fingerprint(),
        rows_go_out=selection.threads or not selection.of_threads,
        with_messages=selection.messages,
    )
    read = Read(kept.failed, kept.messages.failed, log=log)
    lists = Lists(hubspot, workers, selection.listed, log=log)
    behind = _behind(hubspot, workers, kept, read, selection, with_originals=with_originals)
    if ids is not None:
        return ConfiguredSync(
            hubspot,
            workers,
            read,
            ids=ids,
            behind=behind,
            lists=lists,
            selection=selection,
            log=log,
        )
    if not selection.of_threads:
        index = wanted if selection.thread_index else None
        return ListsSync(hubspot, workers, kept, lists=lists, index=index, log=log)
    if kept.is_reset:
        log.info("inbox_ids, include_archived or start_date has changed: all is listed anew")
    elif kept.bookmark is None and kept.listing.started_at is None:
        log.info("There is no bookmark yet: the whole account is listed first")
    elif kept.bookmark is None:
        log.info("The first listing of the whole account goes on where it was")
    return AccountSync(
        hubspot,
        workers,
        kept,
        read,
        behind=behind,
        lists=lists,
        wanted=wanted,
        options=Options.of(config),
        selection=selection,
        clock=clock,
        log=log,
    )


def _behind(
    hubspot: HubSpot,
    workers: Workers,
    kept: Kept,
    read: Read,
    selection: Selection,
    *,
    with_originals: bool,
) -> Stage:
    """Make what hangs on threads, as far as it is selected: messages, then actors."""
    stages: list[Stage] = []
    if selection.messages:
        stages.append(
            Messages(hubspot, workers, kept.messages, read, with_originals=with_originals)
        )
    if selection.actors:
        stages.append(Actors(hubspot, workers, read))

    def behind(outs: Iterable[Out], /) -> Iterator[Out]:
        for stage in stages:
            outs = stage(outs)
        yield from outs

    return behind
