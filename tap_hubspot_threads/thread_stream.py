"""What the streams of threads share: the resource, its parameters, and how a sync ends."""

from __future__ import annotations

from abc import abstractmethod
from itertools import islice
from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import FatalAPIError, RetriableAPIError
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.singerlib import StateMessage
from singer_sdk.streams.rest import HTTPRequest
from typing_extensions import override

from tap_hubspot_threads.cleaning import RowCleaner
from tap_hubspot_threads.client import SCHEMAS, HubSpotStream
from tap_hubspot_threads.pagination import NoProgressError
from tap_hubspot_threads.rate_limit import DailyQuotaError
from tap_hubspot_threads.stopping import Stopped
from tap_hubspot_threads.thread_ids import InvalidIdError, parse_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from singer_sdk import Tap
    from singer_sdk.helpers.types import Context, Record
    from singer_sdk.streams.rest import PageContext

    from tap_hubspot_threads.client import Shared


ENDS = (FatalAPIError, RetriableAPIError, NoProgressError, DailyQuotaError)
"""What ends the reading early, with a message that says what to do."""


class ThreadStream(HubSpotStream):
    """A stream that reads threads, by id or from a listing."""

    primary_keys = ("id",)
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE  # RowCleaner guarantees the types

    def __init__(self, tap: Tap, shared: Shared) -> None:
        super().__init__(tap, shared)
        self._cleaner = RowCleaner(SCHEMAS.get_schema("threads"))

    def row(self, thread: dict[str, Any]) -> Record:
        """Return the row of a thread; with a null id where there is none that could be used."""
        row = self._cleaner.clean(thread)
        row["id"] = id_of(thread)
        return row

    @abstractmethod
    def read(self) -> Iterator[Record]:
        """Yield the stream's rows."""

    @override
    def get_records(self, context: Context | None) -> Iterable[Record]:
        """Yield the stream's rows; when that ends early, STATE goes out before the error does."""
        try:
            # As many as `--test` wants, which the SDK would end in an error.
            for row in islice(self.read(), self.ABORT_AT_RECORD_COUNT):
                self._stop.check()
                self._progress.tick()
                yield row
        except (*ENDS, Stopped):
            self.pack_state()
            # By the writer itself: the SDK's state writer leaves out a state that has not changed.
            self._tap.write_message(StateMessage(value=self.tap_state))
            self._summarise()
            raise
        finally:
            self._transport.close()
        self.pack_state()
        self._summarise()

    def pack_state(self) -> None:
        """Write into the state what the stream keeps elsewhere."""

    def _summarise(self) -> None:
        """Log the sync in one line and as the SDK's metrics, if this stream has read anything."""
        if self._progress.calls:
            self.log(self._progress.summary())
            self._progress.log_metrics(self.metrics_logger, stream=self.name)

    @override
    def get_http_request(self, *, page: PageContext) -> HTTPRequest:
        context = page.stream_context or {}
        return HTTPRequest(
            url=self.get_url(context),
            params={
                "association": list(filter(None, self.config["associations"])),
                "property": self.config.get("property"),
                "archived": "true" if context["archived"] else None,
            },
        )


def id_of(thread: dict[str, Any]) -> str | None:
    """Return the id of a JSON object that may be a thread."""
    try:
        return parse_id(thread.get("id"))
    except InvalidIdError:
        return None
