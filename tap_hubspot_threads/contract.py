"""What `hubspot` and `sync` share, so that neither needs the other: methods, a page, errors.

An error here is one for the person who runs the tap: its text says what was tried, and what to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

Row: TypeAlias = dict[str, Any]
"""A thread as it goes out: the columns of its schema, cleaned."""

MAX_NAMED_IDS = 20

UNREAD, TRY_LATER, MEND = 1, 75, 78
"""Exit codes: all but single things was read; trying again later may help (EX_TEMPFAIL); it will
not, before something has been mended (EX_CONFIG). Each error here has one."""


@dataclass(frozen=True)
class Page:
    """A page of a listing: cleaned rows, and the cursor of the page behind it, if there is one."""

    rows: Collection[Row]
    """Made anew each time that they are gone through: what is read in advance is kept as bytes."""
    cursor: str | None
    """Decoded; None behind the last page only."""
    now: str
    """HubSpot's clock when it answered, as a cleaned time."""
    size: int = 0
    """Bytes that it takes."""
    seconds: float = 0
    """What it took to come."""


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

    def thread(self, thread_id: str, *, archived: bool, once: bool = False) -> Row:
        """Return a thread that is, or is not, archived.

        Args:
            thread_id: The thread.
            archived: On which side to look.
            once: Whether it is tried once only.

        Raises:
            MissingError: if HubSpot has none on that side.
        """

    def page_by_id(self, cursor: str | None, *, archived: bool) -> Page:
        """Return a page of all threads, in the order of their ids; of a cursor, or the first."""

    def page_of_open(self, cursor: str | None, *, archived: bool) -> Page:
        """Return a page of the threads that are open, as HubSpot's filter has it; tried once.

        Whether that filters at all is unknown: there may be all threads, or none.
        """

    def page_by_time(self, since: str, cursor: str | None, *, archived: bool) -> Page:
        """Return a page of the threads whose latest message is not before a moment, oldest first.

        Args:
            since: A cleaned time. The filter is inclusive (observed).
            cursor: Of such a page from the same moment, for the one behind it.
            archived: Whether to list archived threads rather than live ones.
        """


class SettingsError(Exception):
    """A setting that the tap cannot work with, found before the first request."""

    exit_code = MEND


class StateError(Exception):
    """A state that this version of the tap cannot go on from."""

    exit_code = MEND


class HubSpotError(Exception):
    """What ends the reading early.

    Args:
        message: What was tried, and what to do.
        is_of_token: Whether HubSpot does not accept the token, whatever is asked with it.
        exit_code: Where it is not that of the class.
    """

    exit_code = MEND

    def __init__(
        self, message: str, *, is_of_token: bool = False, exit_code: int | None = None
    ) -> None:
        super().__init__(message)
        self.is_of_token = is_of_token
        if exit_code is not None:
            self.exit_code = exit_code


class PassingError(HubSpotError):
    """A request that failed in a way that trying again may mend.

    Args:
        message: What was tried, and what came of it.
        retry_after: Seconds that HubSpot asked to wait, if it did.
        is_burst: Whether the burst limit was at fault, which all workers share.
        tries: How often it is worth a try, where that is less than usual.
    """

    exit_code = TRY_LATER

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        is_burst: bool = False,
        tries: int | None = None,
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.is_burst = is_burst
        self.tries = tries


class RefusedError(HubSpotError):
    """HubSpot refuses this request, whatever it may say to others."""


class MissingError(HubSpotError):
    """HubSpot has no such thing: never had, not any more, or on the other side of `archived`.

    Args:
        message: What was tried.
        now: HubSpot's clock when it said so, as a cleaned time; None where it does not tell.
    """

    def __init__(self, message: str, *, now: str | None) -> None:
        super().__init__(message)
        self.now = now


class WrongAddressError(HubSpotError):
    """There is no API of HubSpot's at this address, as far as the first answer tells."""

    def at_a_known_account(self) -> HubSpotError:
        """Return the error for an account that has been read from this address before."""
        message = f"{self} The account was read before: it may be passing."
        return HubSpotError(message, exit_code=TRY_LATER)


class NoProgressError(HubSpotError):
    """A listing that would never end."""

    exit_code = TRY_LATER


class DailyQuotaError(HubSpotError):
    """So little is left of the account's calls of the day that the rest is for others."""

    exit_code = TRY_LATER


class UnreadThreadsError(HubSpotError):
    """Some threads could not be read, although the others could."""

    exit_code = UNREAD

    def __init__(self, errors: dict[str, HubSpotError]) -> None:
        super().__init__(
            f"{len(errors)} thread(s) could not be read, all others were; the next sync tries "
            f"again: {name_ids(list(errors))}. The last error: {list(errors.values())[-1]}"
        )


class WrongAccountError(HubSpotError):
    """The token is of another account than the state."""


class PurgeError(HubSpotError):
    """Most open threads are missing, and it is not known that the state is of this account."""

    exit_code = UNREAD

    def __init__(self, *, missing: int, seen: int) -> None:
        super().__init__(
            f"{missing} of {missing + seen} open threads that the state knows are not in this "
            "account, and HubSpot does not say which account it is: check that access_token (or "
            "refresh_token) is of the account that the state is of. None is told deleted. If they "
            "all were, start anew with a full refresh (no state)."
        )


def name_ids(ids: Sequence[str], count: int | None = None) -> str:
    """Return the first `MAX_NAMED_IDS` ids, and how many more of the count there are."""
    more = (len(ids) if count is None else count) - MAX_NAMED_IDS
    return ", ".join(ids[:MAX_NAMED_IDS]) + (f" and {more} more" if more > 0 else "")
