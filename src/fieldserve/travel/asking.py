"""One request of a service: within a time limit, and told in words when it fails."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

if TYPE_CHECKING:  # imported when a service is asked, since most servers never do
    import httpx2

LARGEST_ANSWER = 64 * 1024 * 1024
_CONNECT_SECONDS = 2.0


class NoAnswer(Exception):
    """The service gave none that is of use. The text names its host, and never what stands behind it in the URL."""


class Asking:
    """A connection to one service. Its URL may hold a key in the query; it goes along with each request."""

    def __init__(self, url: str, timeout: float):
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("a service's URL must start with http:// or https:// and name a host")
        self.base = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
        self.host = parts.hostname if parts.port is None else f"{parts.hostname}:{parts.port}"
        self._query = parts.query
        self._timeout = timeout

    def client(self) -> "httpx2.AsyncClient":
        """Connections for several requests, to be closed by whoever opened them."""
        import httpx2

        timeout = httpx2.Timeout(self._timeout, connect=min(self._timeout, _CONNECT_SECONDS))
        return httpx2.AsyncClient(timeout=timeout, headers={"user-agent": "fieldserve"}, follow_redirects=False)

    async def json(
        self,
        client: "httpx2.AsyncClient",
        path: str = "",
        query: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> Any:
        """The JSON of the answer; GET without a body, POST with one. Raises NoAnswer."""
        import httpx2

        url = httpx2.URL(f"{self.base}{path}" + (f"?{self._query}" if self._query else ""))
        if query:
            url = url.copy_merge_params(dict(query))
        try:
            if body is None:
                answer = await client.get(url)
            else:
                answer = await client.post(
                    url, content=msgspec.json.encode(body), headers={"content-type": "application/json"}
                )
        except httpx2.TimeoutException:
            raise NoAnswer(f"{self.host} did not answer in time") from None
        except httpx2.HTTPError as fault:
            raise NoAnswer(f"{self.host} cannot be reached: {type(fault).__name__}") from None
        if answer.status_code != 200:
            raise NoAnswer(f"{self.host} answered {answer.status_code}{_said(answer)}")
        if len(answer.content) > LARGEST_ANSWER:
            raise NoAnswer(f"{self.host} answered more than {LARGEST_ANSWER} bytes")
        try:
            return msgspec.json.decode(answer.content)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise NoAnswer(f"{self.host} answered something that is no JSON") from None


def _said(answer: "httpx2.Response") -> str:
    """What the service says is wrong, as OSRM (`message`) and Valhalla (`error`) do."""
    try:
        value = msgspec.json.decode(answer.content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    if not isinstance(value, dict):
        return ""
    told = value.get("message") or value.get("error")
    return f": {told[:200]}" if isinstance(told, str) else ""
