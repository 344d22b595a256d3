"""How to connect: proxies, certificates and timeouts, as python-amazon-sp-api takes them.

The HTTP library is imported with the first request, not with the client."""

import os
import random
import weakref
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx2


# Seconds. A page of jobs takes a tenth of one; what takes longer than these will not come.
_CONNECT, _ANSWER = 10.0, 30.0


def proxy_for(proxies: Any, scheme: str, host: str) -> Any:
    """The proxy for a host, None for none: a URL, one of several, or by scheme; from the environment if not given."""
    if proxies is None:
        from urllib.request import getproxies, proxy_bypass

        found = getproxies()
        if not found or proxy_bypass(host):
            return None
        return found.get(scheme) or found.get("all")
    if isinstance(proxies, Mapping):
        names = (scheme, f"{scheme}://", "all", "all://")
        return next((proxies[name] for name in names if proxies.get(name)), None)
    if isinstance(proxies, list | tuple):
        return random.choice(proxies)  # noqa: S311 it spreads load, and keeps no secret
    return proxies


def timeouts(timeout: "float | httpx2.Timeout | tuple[float, float] | None") -> dict[str, float | None]:
    """Seconds to connect, read, write and wait for a free connection: a number for all, or (connect, read)."""
    if timeout is None:
        return {"connect": _CONNECT, "read": _ANSWER, "write": _ANSWER, "pool": _ANSWER}
    if isinstance(timeout, int | float):
        return dict.fromkeys(("connect", "read", "write", "pool"), float(timeout))
    if isinstance(timeout, tuple):
        connect, read = timeout
        return {"connect": connect, "read": read, "write": read, "pool": read}
    return timeout.as_dict()


def trusted(verify: Any) -> Any:
    """Whom to trust, as the HTTP library takes it: a file or folder of certificates becomes a context."""
    if not isinstance(verify, str | os.PathLike):
        return verify
    import ssl

    path = os.fspath(verify)
    return ssl.create_default_context(capath=path) if os.path.isdir(path) else ssl.create_default_context(cafile=path)


def tidy(endpoint: str) -> str:
    """An endpoint without the slash at its end. Raises ValueError where it is no http or https URL."""
    tidied = endpoint.rstrip("/")
    if not tidied.startswith(("http://", "https://")):
        raise ValueError(f"an endpoint begins with https:// or http://, not {endpoint!r}")
    return tidied


def close_at_end(owner: object, pools: Mapping[Any, Any]) -> None:
    """Close the pools when their owner is gone: those of threads, since those of a loop end with it."""
    weakref.finalize(owner, _close, pools)


def _close(pools: Mapping[Any, Any]) -> None:
    for pool in list(pools.values()):
        close = getattr(pool, "close", None)
        if close is not None:
            close()
