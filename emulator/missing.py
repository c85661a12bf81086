"""How HubSpot says that something is not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.answers import Answer

if TYPE_CHECKING:
    from emulator.ways import NotFound, Ways

PAGE = "<html><body><h1>404 Not Found</h1></body></html>"
MESSAGE = "resource not found"


def not_there(form: NotFound) -> Answer:
    """Return a 404 in one of its forms, with HubSpot's headers."""
    if form == "json":
        return Answer.error(404, "OBJECT_NOT_FOUND", MESSAGE)
    if form == "short json":
        return Answer.of(404, {"status": "error", "message": MESSAGE, "correlationId": ""})
    if form == "html":
        return Answer.of(404, PAGE)
    return Answer(404, b"")


def no_route(ways: Ways) -> Answer:
    """Return the answer to a path that the API does not have."""
    if ways.unknown_route == "bare html":
        return Answer.of(404, PAGE, is_bare=True)
    return not_there(ways.unknown_route)
