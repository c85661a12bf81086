"""The columns that the tables have to have; by hand, so that no schema agrees with itself.

The first of each is the key.
"""

from __future__ import annotations

TEXT, TIME, FLAG, JSON = "text", "time", "flag", "json"
"""What a column holds."""

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
"""The fields of objects, null if HubSpot leaves them out; other fields are in `otherProperties`."""
