"""Reads the configured thread IDs from the settings `thread_ids` and `thread_ids_file`."""

from __future__ import annotations

import csv
from contextlib import contextmanager
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from tap_hubspot_threads.errors import SettingsError
from tap_hubspot_threads.values import InvalidIdError, parse_id, parse_ids

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

ID_COLUMNS = ("thread_id", "threadId", "id")
"""Accepted names of the column with thread IDs, in order of preference. `id` is last, because it is
the ticket's ID in an export of tickets."""

DELIMITERS = (",", ";", "\t")

MAX_LINE = 1_000_000
"""Maximum characters per line, to limit the memory for a file without line breaks."""


class ConfiguredIds:
    """The distinct configured IDs, in order: first `thread_ids`, then `thread_ids_file`.

    Args:
        config: The settings, with `thread_ids`, `thread_ids_file` or both.
        call: Calls the function that reads the file. This function blocks while the file is a pipe
            without data. The tap passes `TapHubSpotThreads._call`, which ends the wait if a signal
            arrives.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        *,
        call: Callable[[Callable[[], None]], None] = lambda function: function(),
    ) -> None:
        self._thread_ids = config.get("thread_ids") or []
        self._path: str | None = config.get("thread_ids_file")
        self._call = call
        self._ids: dict[str, None] | None = None

    def __iter__(self) -> Iterator[str]:
        self.check()
        return iter(self._ids or {})

    @property
    def total(self) -> int | None:
        """The number of IDs; None before the IDs are read."""
        return None if self._ids is None else len(self._ids)

    def check(self) -> None:
        """Read and validate all IDs. If an earlier call succeeded, do nothing.

        Raises:
            SettingsError: if a value is not an ID, or if the file cannot be read. The message
                contains the setting, the cause, and the position of an invalid value.
        """
        if self._ids is not None:
            return
        try:
            ids = dict.fromkeys(parse_ids(self._thread_ids))
        except InvalidIdError as error:
            message = f"thread_ids: {error}"
            raise SettingsError(message) from None
        if self._path is not None:
            self._call(partial(self._read, self._path, ids))
        self._ids = ids

    @staticmethod
    def _read(path: str, ids: dict[str, None]) -> None:
        ids.update(dict.fromkeys(read_id_file(path)))


def read_id_file(path: str) -> Iterator[str]:
    """Yield the IDs of a text or CSV file in UTF-8, with or without a byte order mark.

    At the start of the file, blank lines and lines that start with # are skipped. The next line
    shows the format:
        * CSV, if a cell of this line is in `ID_COLUMNS`. This line is the header. The cells are
          separated by one of `DELIMITERS`. Later lines with only empty cells are skipped.
        * Text with one ID per line, in all other cases. Later blank lines and lines that start with
          # are skipped too.

    Raises:
        SettingsError: if the file cannot be read or contains only skipped lines, or if a line has
            no valid ID. The message contains the path. For an invalid line, the message also
            contains the line's number and the cause.
    """
    with _as_settings_error(path):
        source = Path(path)
        if source.exists() and not (source.is_file() or source.is_fifo()):
            message = "is neither a file nor a pipe"
            raise InvalidIdError(message)
        with source.open(encoding="utf-8-sig", newline="") as file:
            for line, value in _values(file):
                try:
                    yield parse_id(value)
                except InvalidIdError as error:
                    message = f"line {line}: {error}"
                    raise InvalidIdError(message) from None


@contextmanager
def _as_settings_error(path: str) -> Iterator[None]:
    """Turn an error about the file into a `SettingsError` that names the file's path."""
    try:
        yield
    except UnicodeDecodeError:
        reason = "is not in UTF-8; save it as UTF-8 (in Excel: CSV UTF-8)"
    except OSError as error:
        reason = str(error.strerror)
    except ValueError as error:
        reason = str(error)
    else:
        return
    message = f"thread_ids_file: {path}: {reason}"
    raise SettingsError(message)


def _values(file: TextIO) -> Iterator[tuple[int, str]]:
    """Yield the line number and the text of each ID in a file."""
    lines = _lines(file)
    significant = ((n, line.strip("\r\n")) for n, line in lines if _is_significant(line))
    number, first = next(significant, (0, ""))
    if not first:
        message = "is empty; to sync no threads, set thread_ids to []"
        raise InvalidIdError(message)
    for delimiter in [each for each in DELIMITERS if each in first] or DELIMITERS[:1]:
        header = _header(number, first, delimiter)
        column = next((header.index(name) for name in ID_COLUMNS if name in header), None)
        if column is not None:
            reader = csv.reader((line for _, line in lines), delimiter=delimiter, strict=True)
            try:
                for row in reader:
                    if any(cell.strip() for cell in row):
                        yield number + reader.line_num, row[column] if column < len(row) else ""
            except csv.Error as error:
                message = f"line {number + reader.line_num}: {error}"
                raise InvalidIdError(message) from None
            return
    if any(delimiter in first.strip() for delimiter in DELIMITERS):
        message = f"line {number}: no column is named {' or '.join(ID_COLUMNS)}"
        raise InvalidIdError(message)
    for line_number, line in chain([(number, first)], lines):
        if _is_significant(line):
            yield line_number, line.strip()


def _header(number: int, line: str, delimiter: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter))]
    except csv.Error as error:
        message = f"line {number}: {error}; put one ID on each line"
        raise InvalidIdError(message) from None


def _lines(file: TextIO) -> Iterator[tuple[int, str]]:
    """Yield the lines with their numbers.

    Raises:
        InvalidIdError: for a line with more than `MAX_LINE` characters or with a zero byte. A zero
            byte is a sign that the file is not in UTF-8.
    """
    lines = iter(partial(file.readline, MAX_LINE + 1), "")
    for number, line in enumerate(lines, start=1):
        problem = ""
        if "\0" in line:
            problem = "contains a zero byte; save the file as text in UTF-8"
        elif len(line) > MAX_LINE:
            problem = f"longer than {MAX_LINE:,} characters; put one ID on each line"
        if problem:
            message = f"line {number}: {problem}"
            raise InvalidIdError(message)
        yield number, line


def _is_significant(line: str) -> bool:
    return line.strip() != "" and not line.lstrip().startswith("#")
