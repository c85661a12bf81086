"""The SDK's tap, with checks of everything that it is given."""

from __future__ import annotations

import os
import sys
from copy import deepcopy
from typing import TYPE_CHECKING, Any, ClassVar, TextIO

from singer_sdk import Tap
from singer_sdk.helpers._catalog import get_selected_schema
from typing_extensions import override

from tap_hubspot_threads.settings.cli_inputs import (
    FOR_SETTINGS,
    check_catalog_file,
    check_state_file,
    explain,
    maps_explained,
    overridden_columns,
    read_config_file,
    read_environment,
    settings_in,
    unknown_settings,
)
from tap_hubspot_threads.settings.schema import SETTINGS
from tap_hubspot_threads.settings.stream_maps import check_stream_maps, effect_on, replaced_maps
from tap_hubspot_threads.settings.validation import (
    check_secrets,
    check_settings,
    starts_before_all,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    import click


class CheckedTap(Tap):
    """A tap that says in one line what is wrong with what it is given, before the first request."""

    config_jsonschema: ClassVar[dict[str, Any]] = deepcopy(SETTINGS)  # the SDK adds its own

    def __init__(
        self,
        *,
        config: Any = None,  # noqa: ANN401 - the SDK's own
        parse_env_config: bool = False,
        validate_config: bool = True,
        setup_mapper: bool = True,
        **kwargs: Any,  # noqa: ANN401 - the SDK's own
    ) -> None:
        """Check the settings, all of them before the first request; null means not set.

        Args:
            config: The settings.
            parse_env_config: Whether variables of the environment are settings too.
            validate_config: As the SDK's.
            setup_mapper: Likewise.
            kwargs: As the SDK's.

        Raises:
            SettingsError: if a setting cannot be right; in one line, without a secret.
        """
        schema = deepcopy(self.config_jsonschema)
        self.append_builtin_config(schema)
        settings = {name: value for name, value in (config or {}).items() if value is not None}
        names = {*settings}
        if parse_env_config:
            settings |= read_environment(schema, os.environ)
            names |= {*settings_in(os.environ)}
        check_secrets(settings)
        if starts_before_all(settings.get("start_date")):
            del settings["start_date"]
        self._maps = deepcopy(settings.get("stream_maps") or {})  # the SDK removes an entry
        try:
            super().__init__(
                config=settings, validate_config=validate_config, setup_mapper=False, **kwargs
            )
        except FOR_SETTINGS as error:
            raise explain(error, settings) from None
        if setup_mapper:
            with maps_explained():
                check_stream_maps(self._maps, self._columns)
                self.setup_mapper()
            if warning := replaced_maps(self._maps, self._columns):
                self.logger.warning(warning)
        for line in unknown_settings(sorted(names), schema):
            self.logger.warning(line)
        if validate_config:
            check_settings(self.config)
            self.check()

    def check(self) -> None:
        """Check what the settings alone do not tell; called once they are known to be right."""

    @property
    def _columns(self) -> dict[str, list[str]]:
        return {name: list(one.schema["properties"]) for name, one in self.streams.items()}

    def effect_on(self, name: str) -> str:
        """Return in words which columns of a stream the catalog or a stream map leaves out."""
        mask, columns = self.streams[name].mask, self._columns[name]
        deselected = [
            ".".join(place[1::2])
            for place, is_selected in mask.items()
            if place[1:2] and place[1] in columns and not is_selected and mask[place[:-2]]
        ]
        return effect_on(name, columns, maps=self._maps, deselected=deselected)

    def ignored_in_catalog(self) -> Iterator[str]:
        """Yield a line for each thing in the catalog that has no effect."""
        for entry in self.input_catalog.streams if self.input_catalog else ():
            name = entry.tap_stream_id
            if name not in self.streams:
                yield f"The catalog has a stream {name}, which does not exist: it has no effect"
            elif self.streams[name].selected:
                schema = entry.schema.to_dict()
                for column in overridden_columns(self.streams[name].schema, schema):
                    yield (
                        f"The catalog's schema of the column {column} of {name} has no effect: "
                        "types and columns cannot be changed there. Use stream_maps"
                    )

    @override
    def setup_mapper(self) -> None:
        """Make the stream maps; of streams that are not selected too, by their whole schema.

        The SDK's own takes a stream that is not selected for one without columns, and then misses
        its key, for which a map of all streams (`*`) fails. Keys come out selected in any case.
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
        """Read the files; the SDK does not accept a byte order mark."""
        paths = [path for path in value if path != "ENV"]
        given = super().cb_config(ctx, param, tuple({*value} - {*paths}))
        for path in paths:
            given.config.update(read_config_file(path))
        return given

    @classmethod
    @override
    def print_about(cls, output_format: str | None = None) -> None:
        super().print_about(output_format)
        sys.stdout.flush()  # what fails is told: behind this the SDK ends the process by itself

    @classmethod
    @override
    def invoke(  # type: ignore[override] # as the SDK's own
        cls, *, state: TextIO | None = None, catalog: TextIO | None = None, **kwargs: Any
    ) -> None:
        state, catalog = check_state_file(state), check_catalog_file(catalog)
        super().invoke(state=state, catalog=catalog, **kwargs)
