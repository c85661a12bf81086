"""What `hubspot` and `sync` share, so that neither needs the other: methods, a page, errors.

An error here is one for the person who runs the tap: its text says what was tried, and what to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

Row: TypeAlias = dict[str, Any]
"""A thread as it goes out: the columns of its schema, cleaned."""

MAX_NAMED_IDS = 20


@dataclass(frozen=True)
class Page:
    """A page of a listing: cleaned rows, and the cursor of the page behind it, if there is one."""

    rows: list[Row]
    cursor: str | None
    """Decoded; None behind the last page only."""
    now: str
    """HubSpot's clock when it answered, as a cleaned time."""


class HubSpot(Protocol):
    """The account, as a sync sees it. Each method may wait, for the limit and for HubSpot.

    Each raises `PassingError` if the last of its tries failed in a passing way, `RefusedError` if
    HubSpot refuses the request, and another `HubSpotError` for what ends the sync.
    """

    def account_number(self) -> int | None:
        """Return the number of the account; None where HubSpot does not say.

        Raises:
            HubSpotError: only if the token is not accepted or the day's calls are spent.
        """

    def thread(self, thread_id: str, *, archived: bool) -> Row:
        """Return a thread that is, or is not, archived.

        Raises:
            MissingError: if HubSpot has none on that side.
        """

    def page_by_id(self, cursor: str | None, *, archived: bool) -> Page:
        """Return a page of all threads, in the order of their ids; of a cursor, or the first."""

    def page_by_time(self, since: str, cursor: str | None, *, archived: bool) -> Page:
        """Return a page of the threads whose latest message is not before a moment, oldest first.

        Args:
            since: A cleaned time. The filter is inclusive (observed).
            cursor: Of such a page from the same moment, for the one behind it.
            archived: Whether to list archived threads rather than live ones.
        """


class SettingsError(Exception):
    """A setting that the tap cannot work with, found before the first request."""


class StateError(Exception):
    """A state that this version of the tap cannot go on from."""


class HubSpotError(Exception):
    """What ends the reading early.

    Args:
        message: What was tried, and what to do.
        is_of_token: Whether HubSpot does not accept the token, whatever is asked with it.
    """

    def __init__(self, message: str, *, is_of_token: bool = False) -> None:
        super().__init__(message)
        self.is_of_token = is_of_token


class PassingError(HubSpotError):
    """A request that failed in a way that trying again may mend.

    Args:
        message: What was tried, and what came of it.
        retry_after: Seconds that HubSpot asked to wait, if it did.
        is_burst: Whether the burst limit was at fault, which all workers share.
    """

    def __init__(
        self, message: str, *, retry_after: float | None = None, is_burst: bool = False
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.is_burst = is_burst


class RefusedError(HubSpotError):
    """HubSpot refuses this request, whatever it may say to others."""


class MissingError(HubSpotError):
    """HubSpot has no such thing: never had, not any more, or on the other side of `archived`."""


class NoProgressError(HubSpotError):
    """A listing that would never end."""


class DailyQuotaError(HubSpotError):
    """So little is left of the account's calls of the day that the rest is for others."""


class UnreadThreadsError(HubSpotError):
    """Some threads could not be read, although the others could."""

    def __init__(self, errors: dict[str, HubSpotError]) -> None:
        super().__init__(
            f"{len(errors)} thread(s) could not be read, all others were: "
            f"{name_ids(list(errors))}. The last error: {list(errors.values())[-1]}"
        )


class WrongAccountError(HubSpotError):
    """The token is of another account than the state."""


def name_ids(ids: Sequence[str], count: int | None = None) -> str:
    """Return the first `MAX_NAMED_IDS` ids, and how many more of the count there are."""
    more = (len(ids) if count is None else count) - MAX_NAMED_IDS
    return ", ".join(ids[:MAX_NAMED_IDS]) + (f" and {more} more" if more > 0 else "")
