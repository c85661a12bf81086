"""A tap that measures the cost of the SDK itself: a stream that repeats the same row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import Stream, Tap
from singer_sdk import typing as th
from typing_extensions import override

from tap_hubspot_threads.singer.row_to_record import SCHEMAS

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


MESSAGE: dict[str, Any] = {
    "id": "d2f1ab8cc96b4b3b8a9e1d4c5f6a7b8c",
    "type": "MESSAGE",
    "conversationsThreadId": "176347007",
    "createdAt": "2019-11-18T18:50:00.279Z",
    "updatedAt": None,
    "createdBy": "V-1401",
    "client": {"clientType": "HUBSPOT", "integrationAppId": None},
    "senders": [{"actorId": "V-1401", "name": "Sasha", "senderField": "FROM"}],
    "recipients": [{"actorId": "A-2620022", "recipientField": "TO"}],
    "archived": False,
    "text": "Is there any news? I wrote on Monday, and would like to know when it comes.",
    "richText": None,
    "attachments": [],
    "subject": None,
    "truncationStatus": "NOT_TRUNCATED",
    "inReplyToId": None,
    "status": {"statusType": "RECEIVED"},
    "failureDetails": None,
    "direction": "INCOMING",
    "channelId": "1000",
    "channelAccountId": "148662",
    "assignedTo": None,
    "assignedFrom": None,
    "newStatus": None,
    "fromInboxId": None,
    "toInboxId": None,
    "otherProperties": None,
}
ROWS = {"threads": THREAD, "messages": MESSAGE}


class ConstantRows(Stream):
    """Yields the same row `count` times."""

    primary_keys = ("id",)

    @override
    def get_records(self, context: Any) -> Iterable[dict[str, Any]]:
        for _ in range(self.config["count"]):
            yield dict(ROWS[self.name])


class ConstantTap(Tap):
    """A tap with one stream of constant rows."""

    name = "tap-constant"
    config_jsonschema: ClassVar[dict[str, Any]] = th.PropertiesList(
        th.Property("count", th.IntegerType, required=True),
        th.Property("stream", th.StringType, default="threads"),
    ).to_dict()

    @override
    def discover_streams(self) -> list[Stream]:
        name = self.config["stream"]
        return [ConstantRows(self, name=name, schema=SCHEMAS.get_schema(name))]


if __name__ == "__main__":
    ConstantTap.cli()
