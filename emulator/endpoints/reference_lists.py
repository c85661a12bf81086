"""The reference list endpoints: inboxes, channels and channel accounts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from emulator.endpoints.paging import Paging, limit_problem, paging_text, refusal_of
from emulator.endpoints.responses import JSON_TYPE, ApiResponse
from emulator.endpoints.selection import wants_archived
from emulator.endpoints.wire_format import apply_wire_format

if TYPE_CHECKING:
    from emulator.behavior import WireFormat
    from emulator.data.account import Account
    from emulator.endpoints.selection import Query

IDS = {"inboxes": (), "channels": (), "channel-accounts": ("channelId", "inboxId")}
OPTIONAL = {
    "inboxes": ("archivedAt",),
    "channels": (),
    "channel-accounts": ("archivedAt", "deliveryIdentifier"),
}


def listed_row(name: str, item: dict[str, Any], wire: WireFormat) -> dict[str, Any]:
    """Return the payload of an item of the named list."""
    return apply_wire_format(
        dict(item), wire, int(item["id"]), ids=IDS[name], optional=OPTIONAL[name]
    )


def list_all(account: Account, name: str, query: Query) -> ApiResponse:
    """Return a page of the named list, with the total number of items."""
    behavior = account.behavior
    error = refusal_of(limit_problem(query, behavior.max_listed))
    paging = Paging(account, query)
    after = paging.after()
    if error:
        return error
    if isinstance(after, ApiResponse):
        return after
    archived = wants_archived(query)
    items = [one for one in account.lists[name] if one.get("archived", archived) == archived]
    items.sort(key=_by_id)
    page, cursor = paging.cut(items, _by_id, after)
    results = json.dumps([listed_row(name, item, behavior.wire) for item in page])
    body = f'{{"total": {len(items)}, "results": {results}{paging_text(cursor)}}}'
    return ApiResponse(200, body.encode(), {"Content-Type": JSON_TYPE})


def _by_id(item: dict[str, Any]) -> tuple[float, ...]:
    return (int(item["id"]),)
