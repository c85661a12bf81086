"""The errors that end a sync or that concern a single item.

The message of an error that ends the command is one line: what failed, why, and what to do.
"""

from __future__ import annotations

import errno
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_NAMED_IDS = 20

EXIT_INCOMPLETE, EX_TEMPFAIL, EX_CONFIG = 1, 75, 78
"""Exit codes. `EXIT_INCOMPLETE`: some items could not be read, most open threads were not found, or
writing failed. `EX_TEMPFAIL`: a later sync may succeed. `EX_CONFIG`: every sync fails until the
user fixes the cause. The table in `exit_codes` describes all exit codes."""

_NO_ERRORS: Mapping[str, HubSpotError] = MappingProxyType({})


class SettingsError(Exception):
    """An invalid setting, input file or environment variable."""

    exit_code = EX_CONFIG


class StateError(Exception):
    """A state that this version of the tap cannot resume from."""

    exit_code = EX_CONFIG


class OutputError(Exception):
    """Writing to standard output failed."""

    exit_code = EXIT_INCOMPLETE

    def __init__(self, error: OSError) -> None:
        reason, remedy = error.strerror, "Fix the problem and run the sync again."
        if isinstance(error, BrokenPipeError):
            reason = "the target closed the pipe"
            remedy = "Check the target's log for the cause."
        elif error.errno in {errno.ENOSPC, errno.EDQUOT}:
            remedy = "Free some disk space and run the sync again."
        super().__init__(f"Could not write to standard output: {reason}. {remedy}")


class HubSpotError(Exception):
    """A failed API call, or another reason to stop reading.

    Args:
        message: What failed, why, and what to do.
        is_auth_error: Whether HubSpot rejects the token. If so, every request would fail.
        exit_code: The exit code. None: the exit code of the class.
    """

    exit_code = EX_CONFIG
    ends_sync = False
    """Whether the sync must end. If False, the code that catches the error decides whether the sync
    continues. Always True if `is_auth_error` is True."""

    def __init__(
        self, message: str, *, is_auth_error: bool = False, exit_code: int | None = None
    ) -> None:
        super().__init__(message)
        self.is_auth_error = is_auth_error
        if is_auth_error:
            self.ends_sync = True
        if exit_code is not None:
            self.exit_code = exit_code


class TransientError(HubSpotError):
    """A failed request that a retry may fix.

    Args:
        message: The request and its result, without a final period.
        retry_after: The seconds to wait according to `Retry-After`. None: HubSpot sent no valid
            `Retry-After`.
        is_burst: Whether the rate limit was exceeded. If so, all workers pause.
        asks_to_wait: Whether the status (423, 429 or 477) asks the client to wait. Any request can
            get such a status, so this request is not the cause.
        max_attempts: Maximum attempts for a request with this error, if lower than the setting
            `max_attempts`. None: the setting applies.
        advice: What the user should do if the last attempt fails too. With advice, the error after
            the last attempt has the exit code `EX_CONFIG`. Empty: there is no advice.
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
        """Return the error to raise after the last attempt.

        Args:
            attempts: The number of attempts. All of them have failed.
        """
        message = f"{self}. Gave up after {attempts} attempts."
        if self.advice:
            return HubSpotError(f"{message} {self.advice}")
        return type(self)(message, retry_after=self.retry_after, asks_to_wait=self.asks_to_wait)


class InconclusiveError(TransientError):
    """A 403 or 404 that proves nothing about the requested item.

    An example is a 404 from a gateway. The cause may be permanent, so the request gets few attempts
    (`status_codes.ATTEMPTS_IF_LIKELY_PERMANENT`). If all attempts to read a single item fail, the
    sync skips this item and continues.
    """


class RetryLaterError(HubSpotError):
    """HubSpot requested a wait (`Retry-After`) of more than `retry.MAX_RETRY_AFTER` seconds."""

    exit_code = EX_TEMPFAIL
    ends_sync = True


class RefusedError(HubSpotError):
    """HubSpot refused this request. Other requests may succeed.

    Args:
        message: The request and HubSpot's reason.
        status: The HTTP status; None if unknown.
        lacks_scope: Whether the token lacks a scope that the user has to add.
    """

    def __init__(
        self, message: str, *, status: int | None = None, lacks_scope: bool = False
    ) -> None:
        super().__init__(message)
        self.status, self.lacks_scope = status, lacks_scope


class NotFoundError(HubSpotError):
    """HubSpot itself, not a gateway, responded with a 404. See `ErrorDetails.is_own_404`.

    Most requests are either for live items or for archived items. If HubSpot does not find a live
    item, an archived item with the same ID can still exist, and vice versa.

    Args:
        message: The request and its result.
        now: The `Date` of the response, as a time such as `2026-01-31T09:00:00.000Z`. None: the
            response has no `Date` that `HubSpotClock` accepts.
    """

    def __init__(self, message: str, *, now: str | None) -> None:
        super().__init__(message)
        self.now = now


class UnverifiedAddressError(HubSpotError):
    """A 403 or 404 before any request of the sync to the Conversations API has succeeded.

    The cause may be a wrong address (settings `api_url` and `api_version`). `Client` catches this
    error and checks the address.

    Args:
        message: The request and its result.
        if_verified: The error to raise if the address is right. None: `Client` repeats the request
            instead.
    """

    def __init__(self, message: str, *, if_verified: HubSpotError | None) -> None:
        super().__init__(message)
        self.if_verified = if_verified


class WrongAddressError(HubSpotError):
    """The list of threads got a 404 before any request to the Conversations API succeeded.

    The setting `api_url` or `api_version` is probably wrong.
    """

    def for_known_account(self) -> HubSpotError:
        """Return the error to raise if an earlier sync succeeded for this account."""
        message = (
            f"{self} The address worked in an earlier sync, so the error may be transient. Run the "
            "sync again later."
        )
        return HubSpotError(message, exit_code=EX_TEMPFAIL)


class PaginationLoopError(HubSpotError):
    """A list repeats a cursor, or has many pages without a new ID. Reading might never end."""

    exit_code = EX_TEMPFAIL


class DailyQuotaError(HubSpotError):
    """The daily quota is used up, or only the reserve for other integrations remains."""

    exit_code = EX_TEMPFAIL
    ends_sync = True


class WorkerStartError(HubSpotError):
    """The operating system could not start any worker thread."""

    exit_code = EX_TEMPFAIL
    ends_sync = True

    def __init__(self, error: BaseException) -> None:
        super().__init__(
            f"Could not start a worker thread: {str(error) or 'out of memory'}. Raise the limit of "
            "processes or memory for this container or user, and run the sync again."
        )


class ConsecutiveFailuresError(HubSpotError):
    """Several items in a row could not be read. HubSpot is probably down."""

    ends_sync = True


class IncompleteError(HubSpotError):
    """Some items could not be read. Everything else was synced.

    The exit code is `EX_CONFIG` if the user has to fix a setting or add a scope for a reference
    list. In all other cases, the exit code is `EXIT_INCOMPLETE`.

    Args:
        threads: Errors by thread ID.
        messages: Errors of requests for messages, by thread ID.
        actors: Errors by actor ID. The message omits actor IDs, because an ID may be an email
            address.
        lists: Errors of reference lists, by the name of the list, such as `inboxes`.
    """

    def __init__(
        self,
        threads: Mapping[str, HubSpotError] = _NO_ERRORS,
        messages: Mapping[str, HubSpotError] = _NO_ERRORS,
        actors: Mapping[str, HubSpotError] = _NO_ERRORS,
        lists: Mapping[str, HubSpotError] = _NO_ERRORS,
    ) -> None:
        items = [
            *([f"{len(threads)} thread(s)"] if threads else []),
            *([f"the messages of {len(messages)} thread(s)"] if messages else []),
            *([f"{len(actors)} actor(s)"] if actors else []),
            *([f"the stream(s) {', '.join(lists)}"] if lists else []),
        ]
        sentences = [f"Could not read {' and '.join(items)}; everything else was synced."]
        if ids := list(dict.fromkeys([*threads, *messages])):
            sentences.append(f"The next sync retries them: {name_ids(ids)}.")
        elif actors:
            sentences.append("An actor is requested again when a later record names it.")
        if errors := [*threads.values(), *messages.values(), *actors.values()]:
            sentences.append(f"The last error: {_end_with_period(errors[-1])}")
        sentences += [f"{name}: {_end_with_period(error)}" for name, error in lists.items()]
        user_has_to_fix = any(
            error.lacks_scope if isinstance(error, RefusedError) else error.exit_code == EX_CONFIG
            for error in lists.values()
        )
        exit_code = EX_CONFIG if user_has_to_fix else EXIT_INCOMPLETE
        super().__init__(" ".join(sentences), exit_code=exit_code)


class WrongAccountError(HubSpotError):
    """The token and the state belong to different accounts."""


class MassDeletionError(HubSpotError):
    """Most open threads in the state were not found. The token may belong to another account.

    This error is raised only if `sync.account.identify` could not confirm that the state belongs to
    the token's account.

    Args:
        not_found: The number of open threads in the state that were not found.
        seen: The number of open threads in the state that HubSpot returned in this sync.
    """

    exit_code = EXIT_INCOMPLETE

    def __init__(self, *, not_found: int, seen: int) -> None:
        super().__init__(
            f"{not_found} of {not_found + seen} open threads in the state were not found, and it "
            "is unknown which account the state belongs to. No thread is marked as deleted. Check "
            "that access_token (or refresh_token) belongs to the account of the state. If these "
            "threads were really deleted, run a full refresh (without a state)."
        )


def name_ids(ids: Sequence[str], count: int | None = None) -> str:
    """Return text with the first `MAX_NAMED_IDS` IDs and the number of further IDs.

    Args:
        ids: All IDs, or at least the first `MAX_NAMED_IDS`.
        count: The total number of IDs. None: `ids` contains all IDs.
    """
    more = (len(ids) if count is None else count) - MAX_NAMED_IDS
    return ", ".join(ids[:MAX_NAMED_IDS]) + (f" and {more} more" if more > 0 else "")


def _end_with_period(error: HubSpotError) -> str:
    return f"{str(error).removesuffix('.')}."
