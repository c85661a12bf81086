"""The base class of the streams: turns rows into RECORD messages without unselected columns.

`HubSpotStream` writes records faster than the SDK. The records have the same content, with one
exception: a null object that is flattened. For such an object, the SDK writes one column that is
not in the schema. `HubSpotStream` writes the flattened columns as null.
"""

from __future__ import annotations

from copy import deepcopy
from datetime import datetime, timezone
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn, cast

from singer_sdk import SchemaDirectory, Stream
from singer_sdk.exceptions import MapExpressionError
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.mapper import SameRecordTransform
from singer_sdk.singerlib import RecordMessage, SchemaMessage
from typing_extensions import override

from tap_hubspot_threads import schemas
from tap_hubspot_threads.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Generator

    from singer_sdk.helpers.types import Context, Record
    from singer_sdk.singerlib import Catalog

    from tap_hubspot_threads.singer.stdout import MessageWriter

SCHEMAS = SchemaDirectory(schemas)
OMITTED_KEYS = {"$schema", "description"}
"""Top-level keys of a schema file that the SCHEMA message omits."""


class HubSpotStream(Stream):
    """A stream whose schema is the file `schemas/<name of the stream>.json`.

    A stream does not read its own records. `EventWriter` passes each row to the method `write` of
    the row's stream.
    """

    primary_keys = ("id",)
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE  # hubspot.json_to_row converts types

    @cached_property
    def schema(self) -> dict[str, Any]:  # cached: the SDK reads it per record
        """The JSON Schema of the stream, without `OMITTED_KEYS`.

        `$schema` is omitted because several targets accept only the Draft 4 dialect.
        """
        schema = SCHEMAS.get_schema(self.name)
        return {key: value for key, value in schema.items() if key not in OMITTED_KEYS}

    @override
    def apply_catalog(self, catalog: Catalog) -> None:
        """Apply a catalog, which a user or another tool may have edited.

        The stream keeps its primary key and replication key. If the stream's catalog entry does
        not say whether the stream is selected, the stream keeps its default. The SDK would select
        or deselect the stream, depending on other metadata in the entry.

        Raises:
            SettingsError: if the catalog has a different replication key.
        """
        key, replication_key = self.primary_keys, self.replication_key
        super().apply_catalog(catalog)
        requested = self.replication_key
        self.primary_keys, self.replication_key = key, replication_key
        if requested and requested != replication_key:
            message = (
                f"The catalog has the replication key {requested} for {self.name}, but the stream "
                f"has {replication_key or 'none'}. Create a catalog with --discover."
            )
            raise SettingsError(message)
        entry = catalog.get_stream(self.name)
        if entry:
            root = entry.metadata.root
            if root.selected is None and root.selected_by_default is None:
                root.selected_by_default = self.selected_by_default

    def write_schema(self) -> None:
        """Write the stream's SCHEMA messages. The SDK has only a private method for this."""
        self._write_schema_message()

    @override
    def _generate_schema_messages(self) -> Generator[SchemaMessage, None, None]:
        """Yield the SCHEMA messages, with `null_first` applied to all columns.

        This includes columns that flattening and stream maps create.
        """
        for message in super()._generate_schema_messages():
            message.schema = null_first(message.schema)
            yield message

    def write(self, row: Record) -> None:
        """Apply the column selection and the stream maps to a row, and write the result.

        The SDK has only a private method for writing a single row.
        """
        if self._bypasses_mapper:
            self._writer.write_record(self.name, row)
        else:
            # Pass a copy, because the SDK removes unselected columns from the row that it gets.
            self._write_record_message(row if self.selects_all_columns else deepcopy(row))

    @cached_property
    def _writer(self) -> MessageWriter:
        return cast("MessageWriter", self._tap.message_writer)

    @cached_property
    def _bypasses_mapper(self) -> bool:
        """Whether rows are written unchanged, so that the SDK's mapper is not needed."""
        are_mapped = any(type(each) is not SameRecordTransform for each in self.stream_maps)
        return self.selects_all_columns and not self._flat_columns and not are_mapped

    @override
    def get_records(self, context: Context | None) -> NoReturn:
        message = f"{self.name} has no sync of its own: Tap.sync_all syncs all streams"
        raise NotImplementedError(message)

    @cached_property
    def selects_all_columns(self) -> bool:
        """Whether every column is selected, with all of its fields."""
        columns = self.schema["properties"]
        return all(self.mask[("properties", name)] for name in columns) and all(self.mask.values())

    def has_column(self, *names: str) -> bool:
        """Whether at least one of these columns is selected."""
        return any(self.mask[("properties", name)] for name in names)

    @cached_property
    def _flat_columns(self) -> dict[str, list[str]]:
        """The columns of the flattened records, by the stream name in the RECORD message.

        Empty if flattening is disabled. A stream can have several names, because a stream map can
        rename the stream or emit the stream's records under a second name.
        """
        if not self.config.get("flattening_enabled"):
            return {}
        return {m.stream_alias: list(m.transformed_schema["properties"]) for m in self.stream_maps}

    @override
    def _generate_record_messages(self, record: Record) -> Generator[RecordMessage, None, None]:
        """Yield the RECORD messages for a record: at most one per stream map.

        The overridden method of the SDK checks for each record whether each column is selected.
        These checks take 20% of the SDK's time per record. If all columns are selected and
        flattening is disabled, this method omits the checks.

        Raises:
            SettingsError: if an expression of a stream map fails. The message contains no value of
                the record.
        """
        try:
            if self._flat_columns or not self.selects_all_columns:
                for message in super()._generate_record_messages(record):
                    columns = self._flat_columns.get(message.stream, message.record)
                    message.record = {name: message.record.get(name) for name in columns}
                    yield message
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
            reason = f"stream_maps: {error}"
            raise SettingsError(reason) from None
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            cause = type(error).__name__
            reason = f"stream_maps: an expression for {self.name} fails for a row ({cause})"
            raise SettingsError(reason) from None


def null_first(schema: Any) -> Any:  # noqa: ANN401 - a JSON Schema, or a part of one
    """Return a schema with `null` first in each list of types. Some targets need this order."""
    if isinstance(schema, list):
        return [null_first(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    ordered = {key: null_first(value) for key, value in schema.items()}
    if isinstance(ordered.get("type"), list):
        ordered["type"] = sorted(ordered["type"], key=lambda type_: type_ != "null")
    return ordered
