"""What ends a run early, as the person who runs the tap is told it.

The text of each says what was tried, and what to do.
"""

from __future__ import annotations

import errno
from types import MappingProxyType
from typing import TYPE_CHECKING

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_NAMED_IDS = 20

EXIT_INCOMPLETE, EX_TEMPFAIL, EX_CONFIG = 1, 75, 78
"""Exit codes: all but single things was read; trying again later may help (EX_TEMPFAIL); it will
not, before something has been mended (EX_CONFIG). Each error here has one."""


_NONE: Mapping[str, HubSpotError] = MappingProxyType({})


class SettingsError(Exception):
    """A setting that the tap cannot work with, found before the first request."""

    exit_code = EX_CONFIG


class StateError(Exception):
    """A state that this version of the tap cannot go on from."""

    exit_code = EX_CONFIG


class OutputError(Exception):
    """Standard output could not be written.

    Args:
        error: What the operating system reported.
    """

    exit_code = EXIT_INCOMPLETE

    def __init__(self, error: OSError) -> None:
        reason, remedy = error.strerror, "Fix this and run the sync again."
        if isinstance(error, BrokenPipeError):
            reason = "the target has closed the pipe"
            remedy = "Look for the reason in the target's output or log."
        elif error.errno in {errno.ENOSPC, errno.EDQUOT}:
            remedy = "Free some disk space and run the sync again."
        super().__init__(f"Could not write to standard output: {reason}. {remedy}")


class HubSpotError(Exception):
    """What ends the reading early.

    Args:
        message: What was tried, and what to do.
        is_of_token: Whether HubSpot does not accept the token, whatever is asked with it.
        exit_code: Where it is not that of the class.
    """

    exit_code = EX_CONFIG

    def __init__(
        self, message: str, *, is_auth_error: bool = False, exit_code: int | None = None
    ) -> None:
        super().__init__(message)
        self.is_auth_error = is_auth_error
        if exit_code is not None:
            self.exit_code = exit_code

    @property
    def ends_sync(self) -> bool:
        """Whether nothing else can be asked either: the token is refused, or the day is over."""
        return self.is_auth_error


class TransientError(HubSpotError):
    """A request that failed in a way that trying again may mend.

    Args:
        message: What was tried, and what came of it.
        retry_after: Seconds that HubSpot asked to wait, if it did.
        is_burst: Whether the burst limit was at fault, which all workers share.
        asks_to_wait: Whether HubSpot is busy or limits calls, whatever was requested.
        max_attempts: How often it is worth a try, where that is less than usual.
        advice: What to do if all of the tries fail so. That ends the sync then, and a retry later
            does not help.
    """

    exit_code = EX_TEMPFAIL

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        is_burst: bool = False,
        asks_to_wait: bool = False,
        max_attempts: int | None = None,
        advice: str = "",
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.is_burst = is_burst
        self.asks_to_wait = asks_to_wait
        self.max_attempts = max_attempts
        self.advice = advice

    def after(self, attempts: int) -> HubSpotError:
        """Return the error that so many attempts have ended in."""
        message = f"{self}. Gave up after {attempts} attempts (max_attempts)."
        if self.advice:
            return HubSpotError(f"{message} {self.advice}")
        return type(self)(message, retry_after=self.retry_after, asks_to_wait=self.asks_to_wait)


class UnbelievedError(TransientError):
    """A 403 or 404 that is not HubSpot's word on what was requested; it may pass, or stay."""


class ComeBackError(HubSpotError):
    """HubSpot asks not to be called for longer than a sync waits."""

    exit_code = EX_TEMPFAIL

    @property
    @override
    def ends_sync(self) -> bool:
        return True


class RefusedError(HubSpotError):
    """HubSpot refuses this request, whatever it may say to others.

    Args:
        message: What was tried, and HubSpot's reason.
        status: The HTTP status.
        lacks_scope: Whether the token lacks a scope, so that the request fails until it has it.
    """

    def __init__(
        self, message: str, *, status: int | None = None, lacks_scope: bool = False
    ) -> None:
        super().__init__(message)
        self.status, self.lacks_scope = status, lacks_scope


class NotFoundError(HubSpotError):
    """HubSpot has no such thing: never had, not any more, or on the other side of `archived`.

    Args:
        message: What was tried.
        now: HubSpot's clock when it said so, as a cleaned time; None where it does not tell.
    """

    def __init__(self, message: str, *, now: str | None) -> None:
        super().__init__(message)
        self.now = now


class UnprovenError(HubSpotError):
    """A 403 or 404 before the Conversations API has answered any request of this sync with 200.

    Args:
        message: What was tried.
        meaning: What it means if the API is at this address; None: that has to be asked again.
    """

    def __init__(self, message: str, *, meaning: HubSpotError | None) -> None:
        super().__init__(message)
        self.meaning = meaning


class WrongAddressError(HubSpotError):
    """There is no API of HubSpot's at this address, as far as the first answer tells."""

    def at_a_known_account(self) -> HubSpotError:
        """Return the error for an account that has been read from this address before."""
        message = f"{self} The account was read before: it may be passing."
        return HubSpotError(message, exit_code=EX_TEMPFAIL)


class PaginationLoopError(HubSpotError):
    """A listing that would never end."""

    exit_code = EX_TEMPFAIL


class DailyQuotaError(HubSpotError):
    """So little is left of the account's calls of the day that the rest is for others."""

    exit_code = EX_TEMPFAIL

    @property
    @override
    def ends_sync(self) -> bool:
        return True


class NoThreadError(HubSpotError):
    """The operating system has no thread for this process, not even one."""

    exit_code = EX_TEMPFAIL

    def __init__(self, error: BaseException) -> None:
        super().__init__(
            f"No thread could be started: {str(error) or 'out of memory'}. Raise the limit of "
            "processes or memory of this container or user, and run the sync again."
        )

    @property
    @override
    def ends_sync(self) -> bool:
        return True


class IncompleteError(HubSpotError):
    """Some things could not be read, although all others were.

    The exit code is `EXIT_INCOMPLETE`, unless a setting or a scope of the token has to be fixed.

    Args:
        threads: What failed for which thread.
        messages: What failed for the messages of which thread.
        actors: What failed for which actor. Their IDs are not told: one may be an address.
        lists: What failed for which reference list.
    """

    def __init__(
        self,
        threads: Mapping[str, HubSpotError] = _NONE,
        messages: Mapping[str, HubSpotError] = _NONE,
        actors: Mapping[str, HubSpotError] = _NONE,
        lists: Mapping[str, HubSpotError] = _NONE,
    ) -> None:
        counts = [
            *([f"{len(threads)} thread(s)"] if threads else []),
            *([f"the messages of {len(messages)} thread(s)"] if messages else []),
            *([f"{len(actors)} actor(s)"] if actors else []),
        ]
        sentences = []
        if counts:
            ids = name_ids(list(dict.fromkeys([*threads, *messages])))
            retry = f"the next sync tries again: {ids}" if ids else "they are left out"
            last = [*threads.values(), *messages.values(), *actors.values()][-1]
            sentences.append(
                f"{' and '.join(counts)} could not be read, all others were; {retry}. "
                f"The last error: {last}"
            )
        if lists:
            reasons = " ".join(f"{name}: {error}" for name, error in lists.items())
            sentences.append(f"{' and '.join(lists)} could not be loaded, all else was. {reasons}")
        has_to_be_fixed = any(
            error.lacks_scope if isinstance(error, RefusedError) else error.exit_code == EX_CONFIG
            for error in lists.values()
        )
        exit_code = EX_CONFIG if has_to_be_fixed else EXIT_INCOMPLETE
        super().__init__(" ".join(sentences), exit_code=exit_code)


class WrongAccountError(HubSpotError):
    """The token is of another account than the state."""


class MassDeletionError(HubSpotError):
    """Most open threads are missing, and it is not known that the state is of this account."""

    exit_code = EXIT_INCOMPLETE

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
