"""Defines the tap's own settings. The SDK adds settings such as `stream_maps`.

`--about` prints all settings. `make docs` generates parts of docs/, hub/ and meltano.yml from the
definitions.
"""

from __future__ import annotations

from singer_sdk import typing as th

REFUSED = {
    "batch_config": "the state would get ahead of the records in the batch files",
    "emit_activate_version_messages": (
        "targets would delete every thread that the sync did not emit again"
    ),
}
"""The SDK's settings that this tap rejects. The values are the reasons."""

_ID = th.CustomType({"type": ["string", "integer"]})

SETTINGS = th.PropertiesList(
    th.Property(
        "access_token",
        th.StringType,
        secret=True,
        title="Access token",
        description=("Service key, or token of a private app, with the scope conversations.read."),
    ),
    th.Property(
        "client_id",
        th.StringType,
        title="Client ID",
        description=(
            "Client ID of the OAuth app. Set it with client_secret and refresh_token instead of "
            "access_token."
        ),
    ),
    th.Property(
        "client_secret",
        th.StringType,
        secret=True,
        title="Client secret",
        description="Client secret of the OAuth app.",
    ),
    th.Property(
        "refresh_token",
        th.StringType,
        secret=True,
        title="Refresh token",
        description="Refresh token that HubSpot issued when the OAuth app was installed.",
    ),
    th.Property(
        "thread_ids",
        th.ArrayType(_ID),
        title="Thread IDs",
        description=(
            "Sync only these thread IDs instead of the whole account. An empty list syncs nothing."
        ),
    ),
    th.Property(
        "thread_ids_file",
        th.StringType,
        title="Thread IDs file",
        description=(
            "Path of a file with thread IDs, which are synced in addition to thread_ids. The file "
            "is plain text with one ID per line, or CSV with a column id, thread_id or threadId "
            "(case-sensitive). A pipe such as /dev/stdin works too."
        ),
    ),
    th.Property(
        "inbox_ids",
        th.ArrayType(_ID),
        title="Inbox IDs",
        description=(
            "Sync only threads in these inboxes. Empty or unset: all inboxes. Ignored if "
            "thread_ids or thread_ids_file is set. If a closed thread moves to an inbox that is "
            "not in the list, the thread's row stays unchanged, even after a full refresh."
        ),
    ),
    th.Property(
        "start_date",
        th.DateTimeType,
        title="Start date",
        description=(
            "Skip threads whose latest message is older than this date, such as 2026-01-31 "
            "(midnight UTC). A thread without messages is skipped if it was created before this "
            "date. Ignored if thread_ids or thread_ids_file is set."
        ),
    ),
    th.Property(
        "always_fetch_by_id",
        th.BooleanType,
        default=False,
        title="Always fetch by ID",
        description=(
            "Read every thread by ID, one API call per thread. If false, first syncs and full "
            "listings emit the rows of HubSpot's list of threads, with up to 500 threads per call."
        ),
    ),
    th.Property(
        "include_archived",
        th.BooleanType,
        default=True,
        title="Include archived",
        description=(
            "Read archived threads too. If false, the first sync and the increments skip archived "
            "threads. Each later full listing still emits archived threads, so that the table "
            "shows which threads were archived. If an open thread is archived, the open-thread "
            "check emits it one last time, as archived."
        ),
    ),
    th.Property(
        "associations",
        th.ArrayType(th.StringType),
        default=["TICKET"],
        title="Associations",
        description="Association types to request for threadAssociations. [] requests none.",
    ),
    th.Property(
        "property",
        th.StringType,
        title="Property",
        description=(
            "An additional thread property to request. The value is emitted in otherProperties."
        ),
    ),
    th.Property(
        "open_threads_max_calls",
        th.IntegerType(minimum=0, maximum=1_000_000),
        default=500,
        title="Open threads max calls",
        description=(
            "Maximum API calls per sync to re-check the threads that were open at the last sync. 0 "
            "disables this check and the detection of deleted threads."
        ),
    ),
    th.Property(
        "full_listing_interval_hours",
        th.IntegerType(minimum=1, maximum=100_000),
        default=24,
        title="Full listing interval hours",
        description=(
            "Hours between the starts of two full listings. A full listing reads all threads "
            "again. If a closed thread changes without a new message, only a full listing finds "
            "the change."
        ),
    ),
    th.Property(
        "lookback_seconds",
        th.IntegerType(minimum=120, maximum=2_592_000),
        default=3_600,
        title="Lookback seconds",
        description=(
            "Each sync lists threads from this many seconds before the bookmark. So the sync finds "
            "messages whose time is before the bookmark, such as emails that arrive late. The list "
            "takes 1 call per 500 threads. The first 2,000 unchanged threads in the list take no "
            "further call. Each unchanged thread beyond them takes 1 call, or 2 if messages is "
            "selected."
        ),
    ),
    th.Property(
        "api_url",
        th.StringType,
        default="https://api.hubapi.com",
        title="API URL",
        description="Base URL of the API. Plain HTTP is allowed for localhost only.",
    ),
    th.Property(
        "api_version",
        th.StringType,
        default="v3",
        allowed_values=["v3", "2026-09"],
        title="API version",
        description="Version of the Conversations API: v3 or 2026-09.",
    ),
    th.Property(
        "max_requests_per_10s",
        th.IntegerType(minimum=1, maximum=1_000_000),
        title="Max requests per 10s",
        description=(
            "Maximum requests per 10 seconds. Unset: the rate limit that HubSpot reports for the "
            "token."
        ),
    ),
    th.Property(
        "daily_quota_reserve_percent",
        th.IntegerType(minimum=0, maximum=100),
        default=10,
        title="Daily quota reserve percent",
        description=(
            "Percentage of the account's daily quota to leave to other integrations. If only this "
            "percentage remains, the sync saves the state and stops. The message backfill stops "
            "earlier. Values up to 10: when 20% remains. Values from 11 to 33: when twice the "
            "value remains. Values from 34: when (100 + value) / 2 percent remains, such as 80% "
            "for the value 60."
        ),
    ),
    th.Property(
        "max_concurrency",
        th.IntegerType(minimum=1, maximum=1_000),
        default=16,
        title="Max concurrency",
        description="Maximum number of concurrent requests.",
    ),
    th.Property(
        "request_timeout",
        th.IntegerType(minimum=1, maximum=3600),
        default=60,
        title="Request timeout",
        description="Maximum seconds for a request, from sending it to the end of the response.",
    ),
    th.Property(
        "max_attempts",
        th.IntegerType(minimum=1, maximum=1_000),
        default=8,
        title="Max attempts",
        description="Maximum attempts per request, including the first.",
    ),
    th.Property(
        "fetch_original_content",
        th.BooleanType,
        default=False,
        title="Fetch original content",
        description=(
            "Read the full text of messages that HubSpot truncated, one API call per truncated "
            "message. The full text does not include earlier emails that an email quotes."
        ),
    ),
    th.Property(
        "user_agent",
        th.StringType,
        title="User agent",
        description="User-Agent header. Default: name and version of the tap.",
    ),
).to_dict()
