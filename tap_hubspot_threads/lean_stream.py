"""What the SDK does with each record on its way out, at less cost and with clear errors."""

from __future__ import annotations

from datetime import datetime, timezone
from functools import cached_property
from typing import TYPE_CHECKING

from singer_sdk import RESTStream
from singer_sdk.exceptions import MapExpressionError
from singer_sdk.singerlib import RecordMessage
from typing_extensions import override

from tap_hubspot_threads.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from singer_sdk.helpers.types import Context, Record


class LeanStream(RESTStream["str | None"]):
    """A stream whose records cost half of what the SDK's cost."""

    @override
    def generate_child_contexts(
        self, record: Record, context: Context | None
    ) -> Iterable[Context | None]:
        return ()  # the SDK would evaluate a filter for each record, once more, for no child

    @cached_property
    def is_whole(self) -> bool:
        """Whether every column is selected, and all that is in it."""
        columns = self.schema["properties"]
        return all(self.mask[("properties", name)] for name in columns) and all(self.mask.values())

    @cached_property
    def _flat_columns(self) -> dict[str, list[str]]:
        """The columns of each stream that goes out flattened.

        The SDK leaves the columns of an object that is null out of the record.
        """
        if not self.config.get("flattening_enabled"):
            return {}
        return {m.stream_alias: list(m.transformed_schema["properties"]) for m in self.stream_maps}

    @override
    def _generate_record_messages(self, record: Record) -> Generator[RecordMessage, None, None]:
        """Make the messages of a record; look for columns to leave out only if there are any.

        Private to the SDK, whose own looks at each column of each record: a fifth of all its work
        for one.

        Raises:
            SettingsError: if a stream map fails; without the value that it fails for.
        """
        try:
            if self._flat_columns or not self.is_whole:
                for made in super()._generate_record_messages(record):
                    columns = self._flat_columns.get(made.stream, made.record)
                    made.record = {name: made.record.get(name) for name in columns}
                    yield made
                return
            for stream_map in self.stream_maps:
                mapped = stream_map.transform(record)
                if mapped is not None:
                    yield RecordMessage(
                        stream=stream_map.stream_alias,
                        record=mapped,
                        time_extracted=datetime.now(timezone.utc),
                    )
        except MapExpressionError as error:
            message = f"stream_maps: {error}"
            raise SettingsError(message) from None
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            kind = type(error).__name__
            message = f"stream_maps: an expression for {self.name} fails for a thread ({kind})"
            raise SettingsError(message) from None
