"""The reference lists. CONTRIBUTING.md describes how to add a list."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ReferenceList:
    """A short list, such as the inboxes. Each sync reads the whole list into its own stream."""

    name: str
    """The name of the stream and of the schema file, such as `channel_accounts`."""
    noun: str
    """The name of one record in the summary line of the log, such as `channel account`."""
    path: str
    """The path of the endpoint, relative to `Connection.conversations_path`."""
    has_archived: bool = False
    """Whether a separate request with `archived=true` is needed to read archived entries."""


REFERENCE_LISTS = (
    ReferenceList("inboxes", "inbox", "/inboxes", has_archived=True),
    ReferenceList("channels", "channel", "/channels"),
    ReferenceList("channel_accounts", "channel account", "/channel-accounts", has_archived=True),
)
