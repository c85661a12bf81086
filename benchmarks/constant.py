"""What the SDK itself costs: a stream that yields one and the same thread, at its defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import Stream, StreamSchema, Tap
from singer_sdk import typing as th
from typing_extensions import override

from tap_hubspot_threads.streams.base import SCHEMAS

if TYPE_CHECKING:
    from collections.abc import Iterable

THREAD: dict[str, Any] = {
    "id": "176347007",
    "createdAt": "2019-11-18T18:47:59.865Z",
    "closedAt": "2019-11-18T18:50:06.872Z",
    "status": "CLOSED",
    "originalChannelId": "1000",
    "originalChannelAccountId": "148662",
    "latestMessageTimestamp": "2019-11-18T18:50:00.279Z",
    "latestMessageSentTimestamp": "2019-11-18T18:48:38.788Z",
    "latestMessageReceivedTimestamp": "2019-11-18T18:50:00.279Z",
    "assignedTo": "A-2620022",
    "spam": False,
    "inboxId": "481939",
    "associatedContactId": "1401",
    "archived": False,
    "threadAssociations": {"associatedTicketId": "57774743"},
    "otherProperties": None,
}


class ConstantThreads(Stream):
    """As many threads as the setting says, from memory."""

    name = "threads"
    primary_keys = ("id",)
    schema = StreamSchema(SCHEMAS)

    @override
    def get_records(self, context: Any) -> Iterable[dict[str, Any]]:
        for _ in range(self.config["count"]):
            yield dict(THREAD)


class ConstantTap(Tap):
    """A tap with that stream."""

    name = "tap-constant"
    config_jsonschema: ClassVar[dict[str, Any]] = th.PropertiesList(
        th.Property("count", th.IntegerType, required=True)
    ).to_dict()

    @override
    def discover_streams(self) -> list[Stream]:
        return [ConstantThreads(self)]


if __name__ == "__main__":
    ConstantTap.cli()
