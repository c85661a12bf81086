"""A stream's way out: what the SDK does with each record, at less cost and with clear errors."""

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
NOT_EMITTED = {"$schema", "description"}
"""Keys of a stream's schema that are in its file only."""


class HubSpotStream(Stream):
    """A stream: a name, a key, and the schema in the file of that name.

    Its rows come from the one loop over all streams (`writer`), not from a sync of its own.
    """

    primary_keys = ("id",)
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE  # RowCleaner guarantees the types

    @cached_property
    def schema(self) -> dict[str, Any]:  # the SDK asks for it with each record
        """The JSON Schema of the stream, without its dialect and its own description.

        Several targets refuse any dialect but Draft 4.
        """
        schema = SCHEMAS.get_schema(self.name)
        return {key: value for key, value in schema.items() if key not in NOT_EMITTED}

    @override
    def apply_catalog(self, catalog: Catalog) -> None:
        """Apply a catalog, which may have been written by hand or by another tool.

        The stream keeps its keys. Without selection metadata it keeps its default selection; the
        SDK would select it.

        Raises:
            SettingsError: if the catalog asks for another replication key.
        """
        key, replication_key = self.primary_keys, self.replication_key
        super().apply_catalog(catalog)
        wanted = self.replication_key
        self.primary_keys, self.replication_key = key, replication_key
        if wanted and wanted != replication_key:
            message = (
                f"The catalog has the replication key {wanted} for {self.name}, which has "
                f"{replication_key or 'none'}: make a catalog with --discover"
            )
            raise SettingsError(message)
        entry = catalog.get_stream(self.name)
        if entry:
            root = entry.metadata.root
            if root.selected is None and root.selected_by_default is None:
                root.selected_by_default = self.selected_by_default

    def write_schema(self) -> None:
        """Write the SCHEMA message. By a private method of the SDK: it has no public one."""
        self._write_schema_message()

    @override
    def _generate_schema_messages(self) -> Generator[SchemaMessage, None, None]:
        """Make the SCHEMA messages; also what the SDK flattens or maps is null first."""
        for made in super()._generate_schema_messages():
            made.schema = null_first(made.schema)
            yield made

    def write(self, row: Record) -> None:
        """Write a row, as the catalog and the stream maps have it.

        By a private method of the SDK, which has no public one for a row of a loop over several
        streams.
        """
        if self._is_as_read:
            self._writer.write_record(self.name, row)
        else:
            # The SDK takes columns that are not selected out of the very row.
            self._write_record_message(row if self.is_whole else deepcopy(row))

    @cached_property
    def _writer(self) -> MessageWriter:
        return cast("MessageWriter", self._tap.message_writer)

    @cached_property
    def _is_as_read(self) -> bool:
        """Whether rows go out as they are, without anything for the SDK to do."""
        are_mapped = any(type(made) is not SameRecordTransform for made in self.stream_maps)
        return self.is_whole and not self._flat_columns and not are_mapped

    @override
    def get_records(self, context: Context | None) -> NoReturn:
        message = f"{self.name} has no sync of its own: Tap.sync_all reads all streams"
        raise NotImplementedError(message)

    @cached_property
    def is_whole(self) -> bool:
        """Whether every column is selected, and all that is in it."""
        columns = self.schema["properties"]
        return all(self.mask[("properties", name)] for name in columns) and all(self.mask.values())

    def has_column(self, *names: str) -> bool:
        """Whether one of these columns is selected."""
        return any(self.mask[("properties", name)] for name in names)

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
            message = f"stream_maps: an expression for {self.name} fails for a row ({kind})"
            raise SettingsError(message) from None


def null_first(schema: Any) -> Any:  # noqa: ANN401 - a JSON Schema, or a part of one
    """Return a schema in which `null` is the first of several types: some targets go by place."""
    if isinstance(schema, list):
        return [null_first(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    ordered = {key: null_first(value) for key, value in schema.items()}
    if isinstance(ordered.get("type"), list):
        ordered["type"] = sorted(ordered["type"], key=lambda type_: type_ != "null")
    return ordered
