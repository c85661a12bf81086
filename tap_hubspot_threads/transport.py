"""Sending one request over the wire, once: connections, proxies, certificates.

By the adapter rather than a session: it may be shared by threads, and takes half the time.
Redirects and cookies, which a session is there for, are nothing to follow here.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from singer_sdk.exceptions import FatalAPIError

from tap_hubspot_threads.errors import no_answer_error


class Transport:
    """The way to one API host, for any number of threads.

    Args:
        api_url: The base URL.
        connections: Connections that are kept open at the most.
        timeout: Seconds to wait for a connection, and for each part of an answer.
    """

    def __init__(self, api_url: str, *, connections: int, timeout: float) -> None:
        self._api_url = api_url
        self._timeout = timeout
        self._adapter = HTTPAdapter(pool_maxsize=connections)

    def send(self, request: requests.PreparedRequest, *, endpoint: str) -> requests.Response:
        """Send a request; return the answer, whatever it says, with its whole body.

        Args:
            request: With an absolute URL below the base URL.
            endpoint: What to call it in errors: the template of its path, without ids.

        Raises:
            RetriableAPIError: if no whole answer came; trying again may help.
            FatalAPIError: if the request cannot be sent at all.
        """
        try:
            sent = self._adapter.send(request, timeout=self._timeout, **self._environment)
            with sent as response:  # closes the connection if the body is not read to its end
                _ = response.content
        except requests.RequestException as error:
            tried = f"{request.method} {endpoint}"
            raise no_answer_error(error, tried=tried, host=self._api_url) from error
        except (TypeError, ValueError) as error:  # urllib3's, of what it cannot make sense of
            message = (
                f"{request.method} {endpoint}: cannot be sent ({type(error).__name__}). Check "
                "api_url, user_agent, the credentials and the proxy's variables."
            )
            raise FatalAPIError(message) from None
        except OSError as error:  # such as a file of certificates that is not there
            message = f"{request.method} {endpoint}: not sent, {error}"
            raise FatalAPIError(message) from error
        return response

    def close(self) -> None:
        """Close the connections that are open."""
        self._adapter.close()

    @cached_property
    def _environment(self) -> dict[str, Any]:
        """What the environment says of proxies and certificates for this address."""
        session = requests.Session()
        found = session.merge_environment_settings(self._api_url, {}, None, None, None)
        if self._api_url.startswith("http:"):
            found["proxies"] = {}  # plain http, and the token with it, never leaves this machine
        return {name: found[name] for name in ("proxies", "verify", "cert")}
