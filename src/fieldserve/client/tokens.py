"""Access tokens: fetched once for all threads and tasks that share credentials, and renewed before they expire."""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from fieldserve.client.exceptions import AuthorizationError
from fieldserve.client.pacing import fingerprint
from fieldserve.client.retries import Budget

if TYPE_CHECKING:
    from concurrent.futures import Future

TOKEN_ENDPOINT = "https://api.amazon.com/auth/o2/token"  # noqa: S105 an address
_CELLS = 256
# Seconds before the end of its life at which a token is renewed, and after which it is not handed out.
_RENEW_BEFORE = 300.0
_GIVE_UP_BEFORE = 10.0
# A token this young that is refused without a word of expiry is refused for another reason.
_YOUNG = 60.0


class AccessTokenResponse:
    """A token as the endpoint gave it: access_token, refresh_token, expires_in (seconds), token_type."""

    def __init__(self, **given: Any):
        self.access_token: str = given.get("access_token", "")
        self.refresh_token: str | None = given.get("refresh_token")
        self.expires_in: int | None = given.get("expires_in")
        self.token_type: str | None = given.get("token_type")

    def __repr__(self) -> str:
        return "AccessTokenResponse(…)"


class Cell:
    """One token, and who is fetching the next. Times are seconds of a clock that never goes back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._token: AccessTokenResponse | None = None
        self._since = self._renew_at = self._ends_at = float("-inf")
        self._flight: Future[AccessTokenResponse | None] | None = None
        self.budget = Budget()

    def fresh(self, now: float) -> AccessTokenResponse | None:
        """The token, if it needs no renewal. Takes no lock: this is asked before every request."""
        return self._token if now < self._renew_at else None

    def ask(self, now: float) -> "tuple[Literal['take', 'wait', 'fetch'], Any]":
        """What to do for a token: take this one, wait for this flight, or fetch it and land this flight."""
        from concurrent.futures import Future

        with self._lock:
            good = self._token if now < self._ends_at else None
            # While somebody renews a token that is still good the others go on with it.
            if good is not None and (now < self._renew_at or self._flight is not None):
                return "take", good
            if self._flight is not None:
                return "wait", self._flight
            self._flight = Future()
            self._flight.set_running_or_notify_cancel()  # so that nobody who waits can cancel it for the others
            return "fetch", self._flight

    def land(self, flight: "Future[AccessTokenResponse | None]", token: AccessTokenResponse, now: float) -> None:
        """The token came."""
        life = float(token.expires_in or 3600)
        with self._lock:
            self._token, self._since, self._flight = token, now, None
            self._renew_at = now + max(life / 2, life - _RENEW_BEFORE)
            self._ends_at = now + max(life / 2, life - _GIVE_UP_BEFORE)
        flight.set_result(token)

    def crash(
        self, flight: "Future[AccessTokenResponse | None]", fault: BaseException, now: float
    ) -> AccessTokenResponse | None:
        """The token did not come. Answers the old one where it is still good; nobody renews it for a while."""
        with self._lock:
            self._flight = None
            old = self._token if now < self._ends_at else None
            if old is not None:
                self._renew_at = max(self._renew_at, min(now + 5, self._ends_at))
        if isinstance(fault, Exception) and old is None:
            flight.set_exception(fault)
        else:
            # Who fetched was cancelled: one of those who wait takes it over.
            flight.set_result(old)
        return old

    def refused(self, token: str, says: str, now: float) -> bool:
        """The API refused a token; answers whether another one may help, and if so sees to it that one is fetched."""
        with self._lock:
            if self._token is None or self._token.access_token != token:
                return True  # somebody has renewed it since
            if now - self._since < _YOUNG and not ("expired" in says or "revoked" in says):
                return False
            self._renew_at = self._ends_at = float("-inf")
            return True


_cells: OrderedDict[bytes, Cell] = OrderedDict()
_lock = threading.Lock()


def cell(*identity: str | None) -> Cell:
    """The cell of an identity: token endpoint, client, secret, and refresh token or scope."""
    key = fingerprint(*identity)
    with _lock:
        found = _cells.setdefault(key, Cell())
        _cells.move_to_end(key)
        while len(_cells) > _CELLS:
            _cells.popitem(last=False)
        return found


def forget_all() -> None:
    """Forget every token, so that the next request fetches one: for tests."""
    with _lock:
        _cells.clear()


def read_token(status: int, content: bytes) -> dict[str, Any]:
    """The token endpoint's answer. Raises AuthorizationError."""
    try:
        found = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        found = None
    answer: Mapping[str, Any] = found if isinstance(found, dict) else {}
    if status != 200 or "access_token" not in answer:
        raise AuthorizationError(
            answer.get("error", "unexpected_answer"),
            answer.get("error_description", "The token endpoint answered no token."),
            status,
        )
    return dict(answer)
