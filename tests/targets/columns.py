"""The columns that the target's tables must have.

They are written by hand, so that the tap's schemas are not compared with themselves. The first
column of each table is its primary key.
"""

from __future__ import annotations

import re

TEXT, TIME, FLAG, JSON = "text", "time", "flag", "json"
"""The types of values that a column holds."""

COLUMNS = {
    "threads": {
        "id": TEXT,
        "createdAt": TIME,
        "closedAt": TIME,
        "status": TEXT,
        "originalChannelId": TEXT,
        "originalChannelAccountId": TEXT,
        "latestMessageTimestamp": TIME,
        "latestMessageSentTimestamp": TIME,
        "latestMessageReceivedTimestamp": TIME,
        "assignedTo": TEXT,
        "spam": FLAG,
        "inboxId": TEXT,
        "associatedContactId": TEXT,
        "archived": FLAG,
        "threadAssociations": JSON,
        "otherProperties": JSON,
    },
    "thread_index": {
        "id": TEXT,
        "inboxId": TEXT,
        "createdAt": TIME,
        "latestMessageTimestamp": TIME,
        "archived": FLAG,
    },
    "deleted_threads": {"id": TEXT, "detectedAt": TIME},
    "messages": {
        "id": TEXT,
        "type": TEXT,
        "conversationsThreadId": TEXT,
        "createdAt": TIME,
        "updatedAt": TIME,
        "createdBy": TEXT,
        "client": JSON,
        "senders": JSON,
        "recipients": JSON,
        "archived": FLAG,
        "text": TEXT,
        "richText": TEXT,
        "attachments": JSON,
        "subject": TEXT,
        "truncationStatus": TEXT,
        "inReplyToId": TEXT,
        "status": JSON,
        "failureDetails": JSON,
        "direction": TEXT,
        "channelId": TEXT,
        "channelAccountId": TEXT,
        "assignedTo": TEXT,
        "assignedFrom": TEXT,
        "newStatus": TEXT,
        "fromInboxId": TEXT,
        "toInboxId": TEXT,
        "otherProperties": JSON,
    },
    "actors": {
        "id": TEXT,
        "type": TEXT,
        "name": TEXT,
        "email": TEXT,
        "avatar": TEXT,
        "otherProperties": JSON,
    },
    "inboxes": {
        "id": TEXT,
        "name": TEXT,
        "type": TEXT,
        "createdAt": TIME,
        "updatedAt": TIME,
        "archived": FLAG,
        "archivedAt": TIME,
        "otherProperties": JSON,
    },
    "channels": {"id": TEXT, "name": TEXT, "otherProperties": JSON},
    "channel_accounts": {
        "id": TEXT,
        "channelId": TEXT,
        "inboxId": TEXT,
        "name": TEXT,
        "active": FLAG,
        "authorized": FLAG,
        "deliveryIdentifier": JSON,
        "createdAt": TIME,
        "archived": FLAG,
        "archivedAt": TIME,
        "otherProperties": JSON,
    },
}

FIELDS = {
    "threadAssociations": ("associatedTicketId",),
    "client": ("clientType", "integrationAppId"),
    "deliveryIdentifier": ("type", "value"),
    "status": ("statusType",),
}
"""The fields of object columns, null if HubSpot omits them; other fields are in `otherProperties`.
"""


def snake(name: str) -> str:
    """Return a column's name in snake case, as dlt and target-snowflake spell it."""
    return re.sub("([A-Z])", r"_\1", name).lower()
