"""The reference lists. To add a list, add a line here and `schemas/<name>.json`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ReferenceList:
    """A short list, such as the inboxes, that each sync reads completely into its own stream."""

    name: str
    """The name of the stream and of its schema file: the plural, with underscores."""
    noun: str
    """The singular noun for a record in the summary."""
    path: str
    """The path below the API version's base path."""
    has_archived: bool = False
    """Whether HubSpot lists archived entries in a separate request."""


REFERENCE_LISTS = (
    ReferenceList("inboxes", "inbox", "/inboxes", has_archived=True),
    ReferenceList("channels", "channel", "/channels"),
    ReferenceList("channel_accounts", "channel account", "/channel-accounts", has_archived=True),
)
