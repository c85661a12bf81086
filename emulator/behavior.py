"""What the real HubSpot might do: each trait that is unknown or varies is a field.

The marks give the source of each default: D documented by HubSpot, O observed and published by
others, I inferred, ? unknown. A client has to work with every value of every field.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    import random

NotFound = Literal["html", "json", "short json", "unmarked json", "unmarked short json"]
"""HubSpot's own 404 of a thing that does not exist: the recorded HTML page with the header
`X-HubSpot-NotFound: true` (O), or HubSpot's JSON error (O of other APIs), short without a category.
Unmarked is without that header: then the body's `correlationId`, which equals that of the headers,
identifies the error as HubSpot's. (I)"""
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
"""404 answers that do not prove that a thing does not exist. Bare ones have no HubSpot headers;
`bare json` has HubSpot's fields and a `correlationId` of its own. The others have HubSpot's
correlation header but no `X-HubSpot-NotFound`, and JSON with another `correlationId` or with none,
an HTML page, or an empty body. (O of other servers)"""
AnyNotFound = Literal[NotFound, GatewayNotFound]


@dataclass(frozen=True)
class Outage:
    """A time, by HubSpot's clock, in which reading threads by id answers that they are not there.

    Listings go on as before. Nobody has seen such a thing; an index that is built anew, or a
    migration between data centres, might do it. (?)
    """

    begins: datetime
    ends: datetime
    ids: tuple[int, ...] | None = None
    """Only these; None: every thread."""
    answer: AnyNotFound = "html"

    def hits(self, thread_id: int, now: datetime) -> bool:
        """Tell whether a thread is hidden now."""
        return self.begins <= now < self.ends and (self.ids is None or thread_id in self.ids)


@dataclass(frozen=True)
class WireFormat:
    """How payloads look, of threads and of everything around them. Marks as in `Behavior`."""

    unknown_fields: Literal["some", "none", "all"] = "some"
    """Which have a key that no documentation knows; some: every seventh. (D: may come)"""
    sparse: Literal["old", "none", "all"] = "old"
    """Which threads lack what came into the API later; old: from before SPARSE_BEFORE. (O)"""
    unset: Literal["left out", "null"] = "left out"
    """How it shows that something is not set. (O/?)"""
    number_ids: Literal["some", "none", "all"] = "some"
    """Where the ids of what is around something are numbers, not strings. (D: none)"""
    times: Literal["mixed", "milliseconds"] = "mixed"
    """Whether times are whole seconds at times, and some have an offset. (O/I)"""
    unknown_values: Literal["some", "none"] = "some"
    """Whether messages have a type, a status or an attachment that no documentation knows, some of
    them; none: messages of such a type are not there. (O: a status)"""


USUAL = WireFormat()


@dataclass
class Behavior:
    """How this HubSpot behaves. Fields may change at any time, even between two pages of a list.

    Its clock is the account's: a client whose clock is wrong is one with another clock. Timestamps
    in `Date` are whole seconds always.
    """

    max_limit: int = 500
    """A listing's `limit` above it is a 400. (D: 500; O: 100)"""
    fails_above: int | None = None
    """A page of threads or messages with a larger `limit` fails each time; None: none does. (O: of
    another API of HubSpot, "for multiple clients")"""
    fails_with: Literal[500, 502, 504] = 504
    """How it fails: by HubSpot's JSON error, or by a page of a gateway. (O)"""
    cap: int = 500
    """A page holds so many at the most, whatever `limit` says. (O: 100 at the most)"""
    empty_pages: Literal["once", "never", "often"] = "once"
    """Empty pages that have a cursor: before the second page, or before each but the first. (O)"""
    repeats_rows: bool = False
    """Whether a page begins with the last row of the one before. (O: duplicates were seen)"""

    cursors: Literal["id", "key", "offset"] = "id"
    """What a cursor of the list by ID holds: base64 of the last thread's ID (O: recorded), or an
    opaque form of the same key, or of how many threads come before. Messages and reference lists
    have opaque ones always: offsets if this is `offset`, else keys. (?)"""
    made_cursors: Literal["accepted", "refused"] = "accepted"
    """Whether an ID that HubSpot never gave as a cursor is accepted as one. (I)"""
    cursors_by_time: Literal["key", "offset"] = "key"
    """The same of the list by latest message; both forms are opaque. (?)"""
    cursor_encoding: Literal["%3D", "%3d", "="] = "%3D"
    """How a cursor's end comes: percent-encoded already, or plain. (O)"""
    cursor_minutes: float | None = None
    """So long a cursor lives; then it is a 400 UNPARSEABLE_TOKEN. An ID that was never given has no
    age. (?)"""

    rows_filled: Literal["at once", "late"] = "at once"
    """Whether a page of threads takes its rows when it takes their order, or a moment later: then a
    row shows its thread as it is by then, whatever the lag of the list. (?)"""
    lag_by_id: float = 0
    """Seconds by which the listing by id lags: it shows all as it was then. At most an hour. (?)"""
    lag_by_time: float = 0
    """The same of the listing by latest message. (?)"""
    lag_by_status: float = 0
    """The same of any listing that is asked for a status. (?)"""

    status_filter: Literal["ignored", "works", "refused", "empty", "index"] = "ignored"
    """What `threadStatus` does: nothing; what it says; a 400; no row at all; or what an index has
    that lacks a fifth of the threads and holds another fifth to be open for ever. (?)"""
    status_spelling: Literal["any", "capitals"] = "any"
    """Whether a status that is not OPEN or CLOSED, to the letter, is a 400. (?)"""

    archived_by_time: Literal["works", "refused", "ignores the filter"] = "works"
    """What the list by latest message does with `archived=true`: as documented; a 400; or it shows
    all archived threads, whatever `latestMessageTimestampAfter` says. (?)"""

    sides: Literal["apart", "together"] = "apart"
    """Whether reading by id finds archived threads with `archived=true` only, and others without
    it only; or each either way. (I)"""
    not_found: NotFound = "html"
    """The form of HubSpot's own 404. (O)"""
    unknown_route: Literal["bare html", "unmarked html", "html", "short json"] = "bare html"
    """The 404 of a path that the API does not have: an HTML page without HubSpot's headers, or with
    its correlation ID, or the very form of a thing that does not exist. (?; O: 2019, the last)"""
    outages: list[Outage] = field(default_factory=list)
    """When reading by id says 404 of what is there. (?)"""

    max_messages: int = 500
    """A `limit` of messages above it is a 400. (?)"""
    messages_of_archived: Literal["shown", "404", "empty"] = "shown"
    """What reading the messages of an archived thread gives. (?)"""
    latest_message: Literal["messages", "and comments", "and events"] = "and comments"
    """What moves the time of a thread's latest message: messages only; comments too, which move
    that of the latest sent message with it (O: recorded); or those and changes of status,
    assignment and inbox. (?)"""
    bad_actors: Literal["400", "500", "207"] = "400"
    """What a batch answers with an id that can be none, or is poisoned: it is refused as a whole,
    or gives the others. (?)"""
    missing_actors: Literal["207", "left out"] = "207"
    """Whether a batch says that it lacks actors. (D: 207)"""
    max_listed: int = 100
    """A `limit` of inboxes, channels or channel accounts above it is a 400. (?)"""

    dates: Literal["all", "some", "none"] = "all"
    """Which answers have a `Date`; some: two of three. (D: all)"""
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
    """What the account's details answer: the number as such, as a string, not at all; no JSON; an
    error; an error to every other request, beginning with the first; or nothing for 30 s. (D/?)"""
    wire: WireFormat = field(default_factory=WireFormat)
    """How payloads look."""

    @classmethod
    def draw(cls, chance: random.Random) -> Behavior:
        """Draw a possible behavior at random. Half of the fields keep their default; no outages.

        Most pages are small, so that small accounts have many. A lag is at most a minute.
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
    def of(cls, text: str) -> Behavior:
        """Read a behavior from a JSON object of the fields that differ from the default.

        Raises:
            ValueError: if a field or a value is unknown.
        """
        given = json.loads(text)
        if "wire" in given:
            given["wire"] = WireFormat(**_checked(WireFormat, given["wire"]))
        if "outages" in given:
            given["outages"] = [_outage(outage) for outage in given["outages"]]
        return cls(**_checked(cls, given))

    def __str__(self) -> str:
        """Return the fields that differ from the default as JSON, for `of` to read."""
        usual = asdict(Behavior())
        behavior = {name: value for name, value in asdict(self).items() if value != usual[name]}
        return json.dumps(behavior, default=datetime.isoformat)


def _draw(kind: type, chance: random.Random) -> dict[str, Any]:
    """Draw values for the fields that have a fixed choice."""
    return {
        name: chance.choice(choices)
        for name, choices in _choices(kind).items()
        if chance.random() < 0.5
    }


def _choices(kind: type) -> dict[str, tuple[str | int, ...]]:
    hints = get_type_hints(kind)
    return {name: get_args(hint) for name, hint in hints.items() if get_origin(hint) is Literal}


def _checked(kind: type, given: dict[str, Any]) -> dict[str, Any]:
    strange = given.keys() - {known.name for known in fields(kind)}
    strange |= {
        f"{name}={given[name]!r}"
        for name, choices in _choices(kind).items()
        if name in given and given[name] not in choices
    }
    if strange:
        message = f"{kind.__name__} has no {', '.join(sorted(strange))}"
        raise ValueError(message)
    return given


def _outage(given: dict[str, Any]) -> Outage:
    times = {name: datetime.fromisoformat(given[name]) for name in ("begins", "ends")}
    ids = given.get("ids")
    return Outage(**_checked(Outage, given) | times | {"ids": ids and tuple(ids)})
