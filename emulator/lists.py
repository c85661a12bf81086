"""What is listed as a whole: inboxes, channels and channel accounts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from emulator.answers import JSON_TYPE, Answer
from emulator.paging import Paging, limit_problem, paging_text, refusal_of
from emulator.rows import Rows, finish
from emulator.selection import wants_archived
from emulator.thread import CHANNELS, CHAT, HELP_DESK, SALES

if TYPE_CHECKING:
    from emulator.account import Account
    from emulator.selection import Query

OLD = 481_901
LONG_AGO, LATELY = "2024-02-19T09:30:00.125Z", "2026-08-03T16:45:10.000Z"


def _inbox(number: int, name: str, kind: str = "INBOX") -> dict[str, Any]:
    body = {"id": str(number), "name": name, "type": kind, "archived": False}
    return body | {"createdAt": LONG_AGO, "updatedAt": LATELY}


def _account(number: int, channel: int, inbox: int, name: str, **more: Any) -> dict[str, Any]:
    body = {"id": str(number), "channelId": str(channel), "inboxId": str(inbox), "name": name}
    states = {"active": True, "authorized": True, "archived": False, "createdAt": LONG_AGO}
    return body | states | more


def _address(kind: str, value: str) -> dict[str, str]:
    return {"type": kind, "value": value}


SAMPLE: dict[str, list[dict[str, Any]]] = {
    "inboxes": [
        _inbox(OLD, "Old support") | {"archived": True, "archivedAt": LATELY},
        _inbox(HELP_DESK, "Help desk", "HELP_DESK"),
        _inbox(SALES, "Sales"),
        _inbox(CHAT, "Chat on the site"),
    ],
    "channels": [
        {"id": "1000", "name": "LIVE_CHAT"},
        {"id": "1001", "name": "FB_MESSENGER"},
        {"id": "1002", "name": "EMAIL"},
        {"id": "1007", "name": "WHATSAPP"},
    ],
    "channel-accounts": [
        _account(
            CHANNELS[HELP_DESK][1],
            1002,
            HELP_DESK,
            "support@example.com",
            deliveryIdentifier=_address("HS_EMAIL_ADDRESS", "support@example.com"),
        ),
        _account(
            CHANNELS[SALES][1],
            1002,
            SALES,
            "sales@example.com",
            deliveryIdentifier=_address("HS_EMAIL_ADDRESS", "sales@example.com"),
        ),
        _account(
            150_900,
            1002,
            OLD,
            "old@example.com",
            active=False,
            authorized=False,
            archived=True,
            archivedAt=LATELY,
        ),
        _account(CHANNELS[CHAT][1], 1000, CHAT, "Chat on the site"),
        _account(
            151_077,
            1007,
            CHAT,
            "WhatsApp",
            active=False,
            deliveryIdentifier=_address("HS_PHONE_NUMBER", "+4915112345678"),
        ),
    ],
}
"""What an account has at first: what `CHANNELS` names, and more."""
IDS = {"inboxes": (), "channels": (), "channel-accounts": ("channelId", "inboxId")}
OPTIONAL = {
    "inboxes": ("archivedAt",),
    "channels": (),
    "channel-accounts": ("archivedAt", "deliveryIdentifier"),
}


def listed_row(name: str, item: dict[str, Any], rows: Rows) -> dict[str, Any]:
    """Return one as HubSpot sends it."""
    return finish(dict(item), rows, int(item["id"]), ids=IDS[name], optional=OPTIONAL[name])


def list_all(account: Account, name: str, query: Query) -> Answer:
    """Answer with a page, and how many there are."""
    ways = account.ways
    refused = refusal_of(limit_problem(query, ways.max_listed))
    paging = Paging(account, query)
    after = paging.after()
    if refused:
        return refused
    if isinstance(after, Answer):
        return after
    archived = wants_archived(query)
    items = [one for one in account.lists[name] if one.get("archived", archived) == archived]
    items.sort(key=_by_id)
    page, cursor = paging.cut(items, _by_id, after)
    results = json.dumps([listed_row(name, item, ways.rows) for item in page])
    body = f'{{"total": {len(items)}, "results": {results}{paging_text(cursor)}}}'
    return Answer(200, body.encode(), {"Content-Type": JSON_TYPE})


def _by_id(item: dict[str, Any]) -> tuple[float, ...]:
    return (int(item["id"]),)
