"""The settings, as `--about` shows them."""

from __future__ import annotations

from singer_sdk import typing as th

REFUSED = {
    "batch_config": "STATE would go out before the files of the records that it covers",
    "emit_activate_version_messages": (
        "targets would take the threads that a sync does not read for deleted"
    ),
}
"""What the SDK could do, but not for these streams, and why."""

_ID = th.CustomType({"type": ["string", "integer"]})

SETTINGS = th.PropertiesList(
    th.Property(
        "access_token",
        th.StringType,
        secret=True,
        title="Access token",
        description="Token of a private app or service key with the scope conversations.read",
    ),
    th.Property(
        "client_id",
        th.StringType,
        title="Client ID",
        description="OAuth instead of an access token: the app's client ID",
    ),
    th.Property(
        "client_secret",
        th.StringType,
        secret=True,
        title="Client secret",
        description="OAuth: the app's client secret",
    ),
    th.Property(
        "refresh_token",
        th.StringType,
        secret=True,
        title="Refresh token",
        description="OAuth: the token that HubSpot gave when the app was installed",
    ),
    th.Property(
        "thread_ids",
        th.ArrayType(_ID),
        title="Thread IDs",
        description="Exactly these threads, by id. Present but empty: no thread, and no listing",
    ),
    th.Property(
        "thread_ids_file",
        th.StringType,
        title="Thread IDs file",
        description=(
            "Path of a file of ids, added to thread_ids: text with an id a line, or CSV with a "
            "column id, thread_id or threadId. May be a pipe, such as /dev/stdin"
        ),
    ),
    th.Property(
        "inbox_ids",
        th.ArrayType(_ID),
        title="Inbox IDs",
        description=(
            "Sync only threads in these inboxes; empty means all. A closed thread that moves to "
            "another inbox keeps its last row until a full refresh"
        ),
    ),
    th.Property(
        "start_date",
        th.DateTimeType,
        title="Start date",
        description=(
            "When the account is listed: only threads whose latest message (or, without one, "
            "whose creation) is not older"
        ),
    ),
    th.Property(
        "thread_fetch",
        th.StringType,
        default="auto",
        allowed_values=["auto", "by_id"],
        title="Thread fetch",
        description=(
            "auto: listed threads come from the listing's pages, 500 a call, changed ones by id. "
            "by_id: each is read by id, one a call"
        ),
    ),
    th.Property(
        "include_archived",
        th.BooleanType,
        default=True,
        title="Include archived",
        description=(
            "List archived threads too. With false, a thread that is archived after it was emitted "
            "is still updated: the full listing emits every archived thread that HubSpot still "
            "keeps"
        ),
    ),
    th.Property(
        "associations",
        th.ArrayType(th.StringType),
        default=["TICKET"],
        title="Associations",
        description="What to ask HubSpot for in threadAssociations; [] for nothing",
    ),
    th.Property(
        "property",
        th.StringType,
        title="Property",
        description="A further property to ask HubSpot for; comes in otherProperties",
    ),
    th.Property(
        "refresh_open_calls",
        th.IntegerType(minimum=0, maximum=1_000_000),
        default=500,
        title="Refresh open calls",
        description=(
            "Calls a sync, at the most, to see what happened to the threads last seen open; 0: "
            "none, and no deleted_threads"
        ),
    ),
    th.Property(
        "full_listing_hours",
        th.IntegerType(minimum=1, maximum=100_000),
        default=24,
        title="Full listing hours",
        description="How often everything is listed again, to see what no message tells of",
    ),
    th.Property(
        "full_listing_calls",
        th.IntegerType(minimum=1, maximum=1_000_000),
        default=200,
        title="Full listing calls",
        description=(
            "Pages of that listing a sync, at the most; the next sync goes on. The first sync "
            "lists all"
        ),
    ),
    th.Property(
        "lookback_seconds",
        th.IntegerType(minimum=0, maximum=2_592_000),
        default=300,
        title="Lookback seconds",
        description="How far before the bookmark a sync looks for changes (late index, clocks)",
    ),
    th.Property(
        "api_url",
        th.StringType,
        default="https://api.hubapi.com",
        title="API URL",
        description="Base URL of the API; plain http only to this machine",
    ),
    th.Property(
        "api_version",
        th.StringType,
        default="v3",
        allowed_values=["v3", "2026-09"],
        title="API version",
        description="Version of the Conversations API",
    ),
    th.Property(
        "rate_limit",
        th.IntegerType(minimum=1, maximum=1_000_000),
        title="Rate limit",
        description=(
            "Requests per 10 s at the most; by default HubSpot's answers say how many the token has"
        ),
    ),
    th.Property(
        "daily_quota_reserve_percent",
        th.IntegerType(minimum=0, maximum=100),
        default=10,
        title="Daily quota reserve percent",
        description=(
            "Stop before less than this share of the account's calls of the day is left; old "
            "messages stop earlier, at a fifth or more"
        ),
    ),
    th.Property(
        "max_concurrency",
        th.IntegerType(minimum=1, maximum=1_000),
        default=16,
        title="Max concurrency",
        description="Requests in flight at the most",
    ),
    th.Property(
        "request_timeout",
        th.IntegerType(minimum=1, maximum=3600),
        default=60,
        title="Request timeout",
        description="Seconds for one whole answer, not for each read of it",
    ),
    th.Property(
        "max_attempts",
        th.IntegerType(minimum=1, maximum=1_000),
        default=8,
        title="Max attempts",
        description="Tries for one request",
    ),
    th.Property(
        "original_content",
        th.BooleanType,
        default=False,
        title="Original content",
        description=(
            "Read the whole text of messages that HubSpot cut off, one call each; not what an "
            "e-mail quotes of those before it"
        ),
    ),
    th.Property(
        "user_agent",
        th.StringType,
        title="User agent",
        description="User-Agent header; by default the tap's name and version",
    ),
).to_dict()
