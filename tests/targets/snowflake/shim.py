"""The parts of Snowflake that target-snowflake needs and fakesnow lacks.

Runs in target-snowflake's own environment. The target puts files of JSON lines into its user's
stage and merges from there. fakesnow has no such stage, so this module replaces exactly those
statements. Any other statement that names a stage or a file is an error, so that no test passes by
accident.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlparse
from urllib.request import url2pathname

from fakesnow.cursor import FakeSnowflakeCursor

STAGE = r"'@~/target-snowflake/(?P<sync>[\w-]+)/?'"
FORMAT = r'[\w."]+\."tf-[\w-]+"'
PUT = re.compile(rf"put '(?P<file>file://[^']+)' {STAGE}")
REMOVE = re.compile(rf"remove {STAGE}")
DROP_FORMAT = re.compile(rf"drop file format if exists {FORMAT}")
CAST = r'\$1:[\w"]+::\w+(?:\(\d+(?:, ?\d+)?\))? as [\w"]+'
MERGE = re.compile(
    rf"merge into (?P<table>[\w.\"]+) d using \(select (?P<casts>{CAST}(?:, {CAST})*)"
    rf" from {STAGE}\(file_format => {FORMAT}\)"
    r" QUALIFY ROW_NUMBER\(\) OVER \(PARTITION BY (?P<key>\w+) ORDER BY SEQ8\(\) DESC\) = 1\) s"
    r" on (?P<rest>[^'@$]+)"
)
KNOWN = re.compile(rf"create or replace file format {FORMAT} type = 'JSON' compression = 'AUTO'")
SUSPECT = re.compile(r"@|\$\d|file|stage|seq\d|^(put|get|copy|remove|list|ls|rm)\b", re.IGNORECASE)
"""Matches statements about stages. Values are parameters, which are not searched."""

LARGEST = 128 * 1024 * 1024
"""Maximum bytes of a VARIANT."""


class StagedCursor(FakeSnowflakeCursor):
    """A fakesnow cursor with the user's stage, as far as target-snowflake uses it."""

    files: dict[str, list[str]] = {}  # noqa: RUF012 - the stage: all sessions of a user share it
    done: dict[str, int] = {}  # noqa: RUF012 - how often each statement was replaced

    def execute(self, command: str, params: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Run a statement.

        Raises:
            NotImplementedError: if the statement is about a stage and is not known here.
        """
        whole = self._rewrite_with_params(command, params)[0] if command[:4] == "put " else command
        for name, (pattern, do) in self._replacements().items():
            if match := pattern.fullmatch(whole.strip()):
                self.done[name] = self.done.get(name, 0) + 1
                return do(match)
        if SUSPECT.search(command) and not KNOWN.fullmatch(command.strip()):
            message = f"not known to the stage: {command}"
            raise NotImplementedError(message)
        return super().execute(command, params, *args, **kwargs)

    def _replacements(self) -> dict[str, tuple[re.Pattern[str], Any]]:
        return {
            "put": (PUT, self._put),
            "remove": (REMOVE, self._remove),
            "drop format": (DROP_FORMAT, self._drop_format),
            "merge": (MERGE, self._merge),
        }

    def _put(self, match: re.Match[str]) -> Any:
        path = url2pathname(urlparse(match["file"]).path)
        self.files.setdefault(match["sync"], []).append(path)
        return super().execute("select 'UPLOADED' as status")

    def _remove(self, match: re.Match[str]) -> Any:
        del self.files[match["sync"]]
        return super().execute("select 'removed' as result")

    def _drop_format(self, _: re.Match[str]) -> Any:
        return super().execute("select 'dropped' as status")

    def _merge(self, match: re.Match[str]) -> Any:
        """Load the staged files into a table with the target's own casts, and merge from it."""
        database, schema, _ = match["table"].split(".")
        super().execute(f"use schema {database}.{schema}")  # fakesnow's MERGE keeps its table there
        self._duck_conn.execute(
            "create or replace temporary table STAGED as"
            " select row_number() over () as I, json as C"
            " from read_json_objects(?, format = 'newline_delimited', maximum_object_size = ?)",
            [self.files[match["sync"]], LARGEST],
        )
        casts = match["casts"].replace("$1:", "C:")
        super().execute(
            f"create or replace temporary table CAST_ROWS as select {casts} from STAGED"
            f" qualify row_number() over (partition by {match['key']} order by I desc) = 1"
        )
        return super().execute(
            f"merge into {match['table']} d using CAST_ROWS s on {match['rest']}"
        )
