"""How the real HubSpot may behave: one field per trait that is unknown or varies.

The mark in parentheses gives the source of a default: D documented by HubSpot, O observed and
published by others, I inferred, ? unknown. A client must work with every value of every field.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    import random

NotFound = Literal["html", "json", "short json", "unmarked json", "unmarked short json"]
"""HubSpot's own 404 for an object that does not exist.

`html` is the recorded page with the header `X-HubSpot-NotFound: true` (O). `json` is HubSpot's JSON
error (O for other APIs) with the same header; the `short` form omits the category. The `unmarked`
forms omit the header, so only their `correlationId`, which equals the correlation header, shows
that the 404 is HubSpot's own. (I)"""
GatewayNotFound = Literal[
    "bare html",
    "bare empty",
    "bare status json",
    "bare jsend",
    "bare json",
    "other id",
    "no id",
    "unmarked html",
    "unmarked empty",
]
"""404 responses that do not prove that an object does not exist. (O for other servers)

The bare forms have no HubSpot headers; `bare json` has HubSpot's fields and a foreign
`correlationId`. The other forms have HubSpot's correlation header but no `X-HubSpot-NotFound`.
Their body is JSON with another `correlationId` or without one, an HTML page, or empty."""
AnyNotFound = Literal[NotFound, GatewayNotFound]


@dataclass(frozen=True)
class Outage:
    """A period, by HubSpot's clock, in which reading a thread by ID returns a 404.

    Lists are unaffected. No such outage has been reported. An index rebuild or a migration between
    data centers might cause such an outage. (?)
    """

    begins: datetime
    ends: datetime
    ids: tuple[int, ...] | None = None
    """The affected threads; None means all."""
    answer: AnyNotFound = "html"

    def hides(self, thread_id: int, now: datetime) -> bool:
        """Return whether the outage hides a thread now."""
        return self.begins <= now < self.ends and (self.ids is None or thread_id in self.ids)


@dataclass(frozen=True)
class WireFormat:
    """The format of payloads: threads and all related objects."""

    unknown_fields: Literal["some", "none", "all"] = "some"
    """Which payloads have an undocumented field; some: every seventh. (D: fields may be added)"""
    sparse: Literal["old", "none", "all"] = "old"
    """Which threads lack the fields that were added to the API later; old: threads created
    before SPARSE_BEFORE. (O)"""
    unset: Literal["left out", "null"] = "left out"
    """How an unset field is sent. (O/?)"""
    number_ids: Literal["some", "none", "all"] = "some"
    """Which references to other objects are numbers instead of strings. (D: none)"""
    times: Literal["mixed", "milliseconds"] = "mixed"
    """The precision of times; mixed: some are whole seconds, and some have a UTC offset. (O/I)"""
    unknown_values: Literal["some", "none"] = "some"
    """Whether some messages have an undocumented type, status or attachment type; none: messages of
    an undocumented type are not returned at all. (O: a status)"""


USUAL = WireFormat()


@dataclass
class Behavior:
    """How the emulated HubSpot behaves.

    A test may change a field at any time, even between two pages of a list. HubSpot's clock is the
    account's clock. To test a client whose clock is wrong, give the client another clock. The
    `Date` header always has whole seconds.
    """

    max_limit: int = 500
    """The largest `limit` of a list of threads; a larger one gets a 400. (D: 500; O: 100)"""
    fails_above: int | None = None
    """The largest `limit` with which a page of threads or messages succeeds; None: every `limit`
    does. (O for another API of HubSpot, "for multiple clients")"""
    fails_with: Literal[500, 502, 504] = 504
    """The status if `limit` exceeds `fails_above`: HubSpot's error (500) or a gateway's. (O)"""
    cap: int = 500
    """Maximum rows per page, whatever `limit` is. (O: 100)"""
    empty_pages: Literal["once", "never", "often"] = "once"
    """Whether empty pages with a cursor occur; once: before the second page; often: before each
    page except the first. (O)"""
    repeats_rows: bool = False
    """Whether a page begins with the last row of the previous page. (O: duplicates)"""

    cursors: Literal["id", "key", "offset"] = "id"
    """The form of cursors in the list of threads by ID. `id` is base64 of the last thread's ID (O:
    recorded), `key` an opaque form of the same ID, `offset` the number of preceding threads.
    Cursors of messages and reference lists are always opaque: offsets if this is `offset`, keys
    otherwise. (?)"""
    made_cursors: Literal["accepted", "refused"] = "accepted"
    """Whether an ID is accepted as a cursor even if HubSpot never returned that cursor. (I)"""
    cursors_by_time: Literal["key", "offset"] = "key"
    """The form of cursors in the list of threads by latest message; both forms are opaque. (?)"""
    cursor_encoding: Literal["%3D", "%3d", "="] = "%3D"
    """How the `=` at a cursor's end is sent: percent-encoded or plain. (O)"""
    cursor_minutes: float | None = None
    """Lifetime of a cursor in minutes; an expired cursor gets a 400 UNPARSEABLE_TOKEN. An ID that
    HubSpot never returned as a cursor does not expire. (?)"""

    rows_filled: Literal["at once", "late"] = "at once"
    """When the rows of a page of threads are read; late: after their order is fixed, so a row can
    be newer than its position in the list, regardless of the list's lag. (?)"""
    lag_by_id: float = 0
    """Lag of the list by ID in seconds: the list shows all threads as they were so many seconds
    ago, at most an hour. (?)"""
    lag_by_time: float = 0
    """Lag of the list by latest message in seconds. (?)"""
    lag_by_status: float = 0
    """Lag of any list with a status filter, in seconds. (?)"""

    status_filter: Literal["ignored", "works", "refused", "empty", "index"] = "ignored"
    """The effect of `threadStatus`: none, the documented effect, a 400, an empty list, or a filter
    by a bad index. The bad index lacks 20% of the threads and shows another 20% as always open. (?)
    """
    status_spelling: Literal["any", "capitals"] = "any"
    """Which spellings of a status are accepted; capitals: only OPEN and CLOSED, while any other
    spelling gets a 400. (?)"""

    archived_by_time: Literal["works", "refused", "ignores the filter"] = "works"
    """The effect of `archived=true` on the list by latest message: the documented effect, a 400, or
    all archived threads regardless of `latestMessageTimestampAfter`. (?)"""

    sides: Literal["apart", "together"] = "apart"
    """What reading by ID finds; apart: archived threads only with `archived=true`, and live threads
    only without it; together: every thread, with and without it. (I)"""
    not_found: NotFound = "html"
    """The form of HubSpot's own 404. (O)"""
    unknown_route: Literal["bare html", "unmarked html", "html", "short json"] = "bare html"
    """The 404 for an unknown path: an HTML page without HubSpot's headers, an HTML page with
    HubSpot's correlation ID, or exactly the 404 for an object that does not exist. (?; O: the last,
    in 2019)"""
    outages: list[Outage] = field(default_factory=list)
    """Periods in which reading by ID returns a 404 for threads that exist. (?)"""

    max_messages: int = 500
    """The largest `limit` of a list of messages; a larger one gets a 400. (?)"""
    messages_of_archived: Literal["shown", "404", "empty"] = "shown"
    """The response to a request for the messages of an archived thread. (?)"""
    latest_message: Literal["messages", "and comments", "and events"] = "and comments"
    """What updates the time of a thread's latest message: only messages, also comments, or also
    changes of status, assignee and inbox. (?) A comment that updates this time also updates the
    latest sent time. (O: recorded)"""
    bad_actors: Literal["400", "500", "207"] = "400"
    """The response to a batch with a malformed or poisoned actor ID: the whole batch fails, or the
    other actors are returned (207). (?)"""
    missing_actors: Literal["207", "left out"] = "207"
    """Whether a batch reports missing actors or silently omits them. (D: 207)"""
    max_listed: int = 100
    """The largest `limit` of a reference list; a larger one gets a 400. (?)"""

    dates: Literal["all", "some", "none"] = "all"
    """Which responses have a `Date` header; some: two out of three. (D: all)"""
    account_info: Literal[
        "number",
        "string",
        "{}",
        "garbage",
        "403",
        "404 json",
        "404 html",
        "500 once",
        "500",
        "silent",
    ] = "number"
    """The response of the account details endpoint: the account ID as a number or string, no ID, a
    body that is not JSON, an error, an error for every second request starting with the first, or
    no response for 30 s. (D/?)"""
    wire: WireFormat = field(default_factory=WireFormat)
    """The format of payloads."""

    @classmethod
    def draw(cls, chance: random.Random) -> Behavior:
        """Draw a random behavior. Half of the fields keep their default; there are no outages.

        Most pages are small, so that a small account has many pages. A lag is at most a minute.
        """
        behavior = cls(
            max_limit=chance.choice((500, 500, 100)),
            fails_above=chance.choice((*[None] * 6, 100, 20)),
            cap=chance.choice((2, 3, 7, 100, 500)),
            repeats_rows=chance.random() < 0.2,
            cursor_minutes=chance.choice((None, None, None, 5, 60)),
            lag_by_id=chance.choice((0, 0, 0, 5, 60)),
            lag_by_time=chance.choice((0, 0, 0, 5, 20)),
            lag_by_status=chance.choice((0, 0, 0, 5, 60)),
            max_messages=chance.choice((500, 500, 100)),
            max_listed=chance.choice((100, 100, 500)),
            wire=WireFormat(**_draw(WireFormat, chance)),
        )
        return replace(behavior, **_draw(cls, chance))

    @classmethod
    def from_json(cls, text: str) -> Behavior:
        """Parse a JSON object of the fields that differ from the default.

        Raises:
            ValueError: if a field or value is unknown.
        """
        values = json.loads(text)
        if "wire" in values:
            values["wire"] = WireFormat(**_validated(WireFormat, values["wire"]))
        if "outages" in values:
            values["outages"] = [_outage(outage) for outage in values["outages"]]
        return cls(**_validated(cls, values))

    def __str__(self) -> str:
        """Return the fields that differ from the default as JSON, which `from_json` parses."""
        defaults = asdict(Behavior())
        behavior = {name: value for name, value in asdict(self).items() if value != defaults[name]}
        return json.dumps(behavior, default=datetime.isoformat)


def _draw(kind: type, chance: random.Random) -> dict[str, Any]:
    """Draw values for half of the fields that have a fixed set of values."""
    return {
        name: chance.choice(choices)
        for name, choices in _choices(kind).items()
        if chance.random() < 0.5
    }


def _choices(kind: type) -> dict[str, tuple[str | int, ...]]:
    hints = get_type_hints(kind)
    return {name: get_args(hint) for name, hint in hints.items() if get_origin(hint) is Literal}


def _validated(kind: type, values: dict[str, Any]) -> dict[str, Any]:
    unknown = values.keys() - {known.name for known in fields(kind)}
    unknown |= {
        f"{name}={values[name]!r}"
        for name, choices in _choices(kind).items()
        if name in values and values[name] not in choices
    }
    if unknown:
        message = f"{kind.__name__} has no {', '.join(sorted(unknown))}"
        raise ValueError(message)
    return values


def _outage(values: dict[str, Any]) -> Outage:
    times = {name: datetime.fromisoformat(values[name]) for name in ("begins", "ends")}
    ids = values.get("ids")
    return Outage(**_validated(Outage, values) | times | {"ids": ids and tuple(ids)})
