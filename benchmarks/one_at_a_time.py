"""A baseline tap: the same stream with the SDK's defaults, one call at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import RESTStream, StreamSchema, Tap
from singer_sdk import typing as th
from singer_sdk.authenticators import BearerTokenAuthenticator
from typing_extensions import override

from tap_hubspot_threads.singer.row_to_record import SCHEMAS

if TYPE_CHECKING:
    from singer_sdk import Stream


class PlainThreads(RESTStream[Any]):
    """Threads by ID, with one partition per thread."""

    name = "threads"
    path = "/conversations/v3/conversations/threads/{threadId}"
    primary_keys = ("id",)
    records_jsonpath = "$"
    schema = StreamSchema(SCHEMAS)
    state_partitioning_keys = ()

    @property
    @override
    def url_base(self) -> str:
        return str(self.config["api_url"])

    @property
    @override
    def authenticator(self) -> BearerTokenAuthenticator:
        return BearerTokenAuthenticator(token=self.config["access_token"])

    @property
    @override
    def partitions(self) -> list[dict[str, Any]]:
        return [{"threadId": thread_id} for thread_id in self.config["thread_ids"]]

    @override
    def get_url_params(self, context: Any, next_page_token: Any) -> dict[str, Any]:
        return {"association": "TICKET"}


class PlainTap(Tap):
    """A tap with the plain threads stream."""

    name = "tap-plain"
    config_jsonschema: ClassVar[dict[str, Any]] = th.PropertiesList(
        th.Property("api_url", th.StringType, required=True),
        th.Property("access_token", th.StringType, required=True, secret=True),
        th.Property("thread_ids", th.ArrayType(th.StringType), required=True),
    ).to_dict()

    @override
    def discover_streams(self) -> list[Stream]:
        return [PlainThreads(self)]


if __name__ == "__main__":
    PlainTap.cli()
