"""The 404 responses: HubSpot's own, and those of a gateway in front of HubSpot."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from emulator.endpoints.responses import JSON_TYPE, ApiResponse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emulator.behavior import AnyNotFound, Behavior

PAGE = """<html>
<head>
<meta http-equiv="Content-Type" content="text/html;charset=utf-8"/>
<title>Error 404 Not Found</title>
</head>
<body><h2>HTTP ERROR 404</h2>
<p>Resource not found</p>
</body>
</html>
"""
"""HubSpot's page, as recorded."""
GATEWAY_PAGE = "<html><body><h1>404 Not Found</h1></body></html>"
HTML_TYPE = "text/html;charset=iso-8859-1"
NO_STORE = {"Cache-Control": "must-revalidate,no-cache,no-store"}
MARK = {"X-HubSpot-NotFound": "true"}
MESSAGE = "resource not found"
OTHER_ID = "6f1c2ad0-93ab-4c1e-8a51-2f0d5e7b9c44"
"""A correlation ID that HubSpot never returned."""
SHORT = {"status": "error", "message": MESSAGE}
FULL = SHORT | {"category": "OBJECT_NOT_FOUND"}
OWN_ID = {"correlationId": ""}
"""A placeholder that the service replaces with the response's own ID."""

JSON_BODIES: dict[AnyNotFound, Mapping[str, object]] = {
    "json": FULL | OWN_ID,
    "short json": SHORT | OWN_ID,
    "unmarked json": FULL | OWN_ID,
    "unmarked short json": SHORT | OWN_ID,
    "bare status json": {"statusCode": 404, "message": "Resource not found"},
    "bare jsend": {"status": "error", "message": "Not found"},
    "bare json": FULL | {"correlationId": OTHER_ID},
    "other id": FULL | {"correlationId": OTHER_ID},
    "no id": FULL,
}
MARKED: tuple[AnyNotFound, ...] = ("html", "json", "short json")
"""The forms with `X-HubSpot-NotFound`."""


def not_found(form: AnyNotFound) -> ApiResponse:
    """Return a 404 of the given form. The bare forms have no HubSpot headers."""
    is_bare = form.startswith("bare ")
    if form in JSON_BODIES:
        body, headers = json.dumps(JSON_BODIES[form]), {"Content-Type": JSON_TYPE}
    elif form.endswith("empty"):
        body, headers = "", {}
    elif is_bare:
        body, headers = GATEWAY_PAGE, {"Content-Type": "text/html"}
    else:
        body, headers = PAGE, {"Content-Type": HTML_TYPE} | NO_STORE
    if form in MARKED:
        headers |= MARK
    return ApiResponse(404, body.encode(), headers, is_bare)


def unknown_route(behavior: Behavior) -> ApiResponse:
    """Return the response to an unknown path."""
    return not_found(behavior.unknown_route)
