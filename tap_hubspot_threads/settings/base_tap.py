"""The base class of the tap, which validates settings, files and environment variables."""

from __future__ import annotations

import os
import sys
from copy import deepcopy
from typing import TYPE_CHECKING, Any, ClassVar, TextIO

import click
from singer_sdk import Tap
from singer_sdk.helpers._catalog import get_selected_schema
from typing_extensions import override

from tap_hubspot_threads.settings.cli_inputs import (
    check_catalog_file,
    check_state_file,
    explain_settings_errors,
    explain_stream_map_errors,
    overridden_columns,
    read_config_file,
    read_environment,
    setting_names,
    unknown_settings,
)
from tap_hubspot_threads.settings.schema import SETTINGS
from tap_hubspot_threads.settings.stream_maps import (
    check_stream_maps,
    describe_columns,
    overridden_maps_warning,
)
from tap_hubspot_threads.settings.validation import (
    check_secrets,
    check_settings,
    excludes_no_thread,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


HELP = {
    "about": "Print the version, capabilities and settings.",
    "about_format": "Format of --about. Each format has the settings with descriptions.",
    "config": "Path of a JSON file with settings, or ENV for environment variables. Repeatable.",
    "discover": "Print the catalog.",
    "test": (
        "Check that the credentials work and that threads can be read; no record is written. With "
        "--test=schema, print the SCHEMA messages without any API call."
    ),
    "catalog": "Path of a catalog that selects streams and columns.",
    "state": "Path of a state to resume from: the value of the last STATE message.",
}
"""The text that `--help` prints for these options. The SDK's own text does not always describe what
this tap does."""


class CheckedTap(Tap):
    """A tap that rejects invalid input with a one-line error before the first request."""

    # A copy, because the SDK adds its own settings to this schema.
    config_jsonschema: ClassVar[dict[str, Any]] = deepcopy(SETTINGS)

    def __init__(
        self,
        *,
        config: Any = None,  # noqa: ANN401 - like the SDK
        parse_env_config: bool = False,
        validate_config: bool = True,
        setup_mapper: bool = True,
        **kwargs: Any,  # noqa: ANN401 - like the SDK
    ) -> None:
        """Validate all settings. A setting with the value null counts as not set.

        Raises:
            SettingsError: if a setting is invalid. The message never contains a secret.
        """
        schema = deepcopy(self.config_jsonschema)
        self.append_builtin_config(schema)
        settings = {name: value for name, value in (config or {}).items() if value is not None}
        names = {*settings}
        if parse_env_config:
            settings |= read_environment(schema, os.environ)
            names |= {*setting_names(os.environ)}
        check_secrets(settings)
        if excludes_no_thread(settings.get("start_date")):
            del settings["start_date"]
        # Copy the stream maps, because the SDK removes an entry from the original.
        self._maps = deepcopy(settings.get("stream_maps") or {})
        with explain_settings_errors(settings):
            super().__init__(
                config=settings, validate_config=validate_config, setup_mapper=False, **kwargs
            )
            if setup_mapper:
                with explain_stream_map_errors():
                    check_stream_maps(self._maps, self._columns)
                    self.setup_mapper()
                if warning := overridden_maps_warning(self._maps, self._columns):
                    self.logger.warning(warning)
        for warning in unknown_settings(sorted(names), schema):
            self.logger.warning(warning)
        if validate_config:
            check_settings(self.config)
            self.check()

    def check(self) -> None:
        """Check more input, such as IDs and the catalog. Subclasses override this method.

        The constructor calls this method as its last step, if `validate_config` is True.
        """

    @property
    def _columns(self) -> dict[str, list[str]]:
        return {name: list(stream.schema["properties"]) for name, stream in self.streams.items()}

    def describe_columns(self, name: str) -> str:
        """Return text about the columns of a stream that the catalog or stream maps omit or change.

        An example is in `stream_maps.describe_columns`.
        """
        mask, columns = self.streams[name].mask, self._columns[name]
        deselected = [
            ".".join(path[1::2])
            for path, is_selected in mask.items()
            if path[1:2] and path[1] in columns and not is_selected and mask[path[:-2]]
        ]
        return describe_columns(name, columns, maps=self._maps, deselected=deselected)

    def catalog_warnings(self) -> Iterator[str]:
        """Yield a warning for each part of the catalog that has no effect.

        A catalog cannot add a stream or a column, and cannot change the type of a column. The
        columns of unselected streams are not checked.
        """
        for entry in self.input_catalog.streams if self.input_catalog else ():
            name = entry.tap_stream_id
            if name not in self.streams:
                yield (
                    f"The catalog has an unknown stream {name}, which has no effect. Remove it, or "
                    "create a catalog with --discover."
                )
            elif self.streams[name].selected:
                schema = entry.schema.to_dict()
                for column in overridden_columns(self.streams[name].schema, schema):
                    yield (
                        f"The catalog's schema for the column {column} of {name} has no effect: a "
                        "catalog cannot change types or add columns. Use stream_maps instead."
                    )

    @override
    def setup_mapper(self) -> None:
        """Create the stream maps, and register each stream with its primary key.

        The SDK refuses a stream map for a stream that is registered without its primary key. The
        SDK's own method would leave out the primary key in two cases:
            * The catalog deselects the primary key. This method selects it.
            * A stream is not selected, but a stream map applies to it, such as a map for all
              streams (`*`). This method registers an unselected stream with all its columns.
        """
        super(Tap, self).setup_mapper()
        for stream in self.streams.values():
            stream.mask.update({("properties", key): True for key in stream.primary_keys})
            schema = deepcopy(stream.schema)
            if stream.selected:
                schema = get_selected_schema(stream.name, schema, stream.mask)
            self.mapper.register_raw_stream_schema(stream.name, schema, stream.primary_keys)

    @classmethod
    @override
    def cb_config(cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]) -> Any:
        """Read the config files with `read_config_file`.

        The SDK's parser does not accept a byte order mark.
        """
        paths = [path for path in value if path != "ENV"]
        given = super().cb_config(ctx, param, tuple({*value} - {*paths}))
        for path in paths:
            given.config.update(read_config_file(path))
        return given

    @classmethod
    @override
    def get_singer_command(cls) -> click.Command:
        command = super().get_singer_command()
        command.help = "Load HubSpot conversation threads: print Singer messages to stdout."
        for option in command.params:
            if isinstance(option, click.Option) and option.name in HELP:
                option.help = HELP[option.name]
        return command

    @classmethod
    @override
    def print_about(cls, output_format: str | None = None) -> None:
        super().print_about(output_format)
        sys.stdout.flush()  # so that a write error is raised before the SDK ends the process

    @classmethod
    @override
    def invoke(  # type: ignore[override] # like the SDK
        cls, *, state: TextIO | None = None, catalog: TextIO | None = None, **kwargs: Any
    ) -> None:
        state, catalog = check_state_file(state), check_catalog_file(catalog)
        super().invoke(state=state, catalog=catalog, **kwargs)
