"""What of a request Amazon would refuse, ignore or no longer wants, and what to send instead.

    lint(request)              what one request shows by itself
    lint_together(requests)    what only several show: rates, polling, retries

Both are pure functions of recorded requests. What a request may hold comes from the table of operations, so that lint,
client and server say the same words.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, Literal, get_args, get_origin

import msgspec

from fieldserve.wire import checks, compat, jobs
from fieldserve.wire.errors import ApiError
from fieldserve.wire.operations import BY_ID, Operation
from fieldserve.wire.parameters import Parameter, parse_query, read
from fieldserve.wire.request_log import (
    MASK,
    TOKEN,
    UNKNOWN_PATH,
    Finding,
    RequestRecord,
    Severity,
    meant,
    member_names,
    normal,
    path_values,
    structs,
)
from fieldserve.wire.slots import LONGEST_WINDOW_DAYS
from fieldserve.wire.times import MINUTE, SECOND, Instant, TimeFault, is_utc, parse


@dataclass(frozen=True, slots=True)
class Rule:
    """A kind of finding. An error is refused; a warning is taken otherwise than it is meant, or not for much longer;
    a note costs the caller something."""

    code: str
    severity: Severity
    when: str
    send: str

    def at(self, place: str, message: str, send: str | None = None, ids: list[str] | None = None) -> Finding:
        """A finding of this kind."""
        return Finding(self.code, self.severity, place, message, send or self.send, ids)


PATH = Rule("unknown-path", "error", "the path is none of the API's", "one of the paths of the reference")
TOKEN_PLACE = Rule(
    "token-place",
    "error",
    "the access token is sent as Authorization, where nobody looks",
    "the header x-amz-access-token, with the token alone",
)
TOKEN_MISSING = Rule("token-missing", "error", "there is no access token", "the header x-amz-access-token")
SIGNATURE = Rule(
    "signature", "note", "the request is signed with Signature Version 4, which is no longer asked for", "no signature"
)
USER_AGENT_MISSING = Rule(
    "user-agent-missing", "warning", "there is no User-Agent", "MyApp/1.0 (Language=Python; Platform=Linux)"
)
USER_AGENT_FORM = Rule(
    "user-agent-form",
    "note",
    "the User-Agent names a library, or is not of the form that Amazon asks for: application/version (Language=…)",
    "MyApp/1.0 (Language=Python; Platform=Linux)",
)
PARAMETER_IN_BODY = Rule(
    "parameter-in-body", "error", "a query parameter stands in the body", "it as a query parameter"
)
MEMBER_IN_QUERY = Rule(
    "member-in-query", "error", "a member of the body stands in the query, where it is ignored", "it in the body"
)
MISSPELT = Rule("misspelt", "error", "a name is spelt in another way, and is ignored", "the name as the model has it")
ARRAY_SPELLING = Rule(
    "array-spelling",
    "error",
    "a list is spelt in another way than a=1,2 or a=1&a=2",
    "values separated by commas, or the parameter several times",
)
UNKNOWN_PARAMETER = Rule(
    "unknown-parameter", "warning", "the operation has no such query parameter; it is ignored", "nothing"
)
UNKNOWN_MEMBER = Rule("unknown-member", "warning", "the body has no such member; it is ignored", "nothing")
BODY_UNEXPECTED = Rule("body-unexpected", "warning", "the operation has no body; it is ignored", "no body")
BODY_MALFORMED = Rule("body-malformed", "error", "the body is no JSON, or too large", "one JSON object")
CONTENT_TYPE = Rule(
    "content-type", "error", "a body is sent as something else than JSON", "Content-Type: application/json"
)
MISSING = Rule("missing", "error", "a required parameter is missing", "the parameter")
REPEATED = Rule("repeated", "error", "a parameter that is no list is given several times", "it once")
WRONG_CASE = Rule("wrong-case", "error", "a value is right but for its case", "the value as the model has it")
NOT_A_CHOICE = Rule("not-a-choice", "error", "a value is none of those that there are", "one of the model's values")
TOO_LONG = Rule("too-long", "error", "an id or a text is too long, too short or empty", "a value within the limits")
TOO_MANY = Rule("too-many", "error", "a list has more values than it may", "several requests")
WRONG_FORM = Rule("wrong-form", "error", "a value has characters, or is a number, that it may not", "a value that fits")
NOT_A_TIME = Rule("not-a-time", "error", "a time is not ISO 8601", "2026-03-02T08:00:00Z")
PLUS = Rule(
    "plus-in-query",
    "error",
    "the + of an offset stands in the query, and reads as a space",
    "%2B, or UTC with Z",
)
NO_ZONE = Rule("no-zone", "warning", "a time has no zone; it is taken as UTC", "a time with Z")
NOT_UTC = Rule("not-utc", "error", "a time that must be in UTC has another offset, or none", "the same instant with Z")
CREATED_OR_UPDATED = Rule(
    "created-or-updated",
    "error",
    "both createdAfter and lastUpdatedAfter, or neither",
    "exactly one of createdAfter and lastUpdatedAfter",
)
REVERSED = Rule("reversed", "error", "a window ends before, or where, it begins", "an end after the start")
HALF_WINDOW = Rule("half-window", "error", "one of startTime and endTime is missing", "both, or neither")
WINDOW_TOO_LONG = Rule(
    "window-too-long", "error", f"a window is longer than {LONGEST_WINDOW_DAYS} days", "several windows"
)
IN_PAGES = Rule(
    "in-pages", "note", "a window of capacity is longer than a page's 35 days", "nextPageToken until there is none"
)
REFUSED = Rule("refused", "error", "it was refused, or would be, for a reason that is no other finding", "see the text")
NEAR_RATE = Rule(
    "near-rate", "warning", "less than a fifth of the usage plan's burst was left", "fewer requests, or evenly spread"
)
THROTTLED = Rule("throttled", "warning", "requests were throttled", "no more a second than x-amzn-RateLimit-Limit")
NO_BACK_OFF = Rule(
    "no-back-off", "warning", "after a 429 the next request came at once", "it after a pause that grows, with jitter"
)
UNCHANGED_POLL = Rule(
    "unchanged-poll",
    "note",
    "the same read was sent again and again, and nothing had changed",
    "getServiceJobs with lastUpdatedAfter, or a webhook",
)
REPEATED_REFUSAL = Rule(
    "repeated-refusal", "warning", "a request that was refused was sent again as it was", "it once it is mended"
)
TOKEN_PER_REQUEST = Rule(
    "token-per-request",
    "warning",
    "access tokens were fetched more often than they expire",
    "one token for an hour",
)

RULES = tuple(one for one in list(globals().values()) if isinstance(one, Rule))

_TIMES = frozenset({*jobs._TIMES, "startTime", "endTime"})
_BODY_TIMES = frozenset({"startTime", "endTime", "startDateTime", "endDateTime"})
_IN_UTC = frozenset(
    {
        "addAppointmentForServiceJobByServiceJobId",
        "rescheduleAppointmentForServiceJobByServiceJobId",
        "setAppointmentFulfillmentData",
    }
)
_USER_AGENT = re.compile(r"[^/\s()]+/[^\s()]+ \((?:[^()]*;\s*)?Language=[^()]+\)", re.IGNORECASE)
_LOST_PLUS = re.compile(r".*\d \d{2}:?\d{2}$")
_LIST_LIKE = re.compile(r'^\[.*\]$|^".*"$|^[^,]+[;|][^,]+')
_DAY = 24 * 60 * MINUTE
_PAGE_DAYS = 35


def lint(request: RequestRecord) -> list[Finding]:
    """What one request shows by itself, in the order path, headers, query, body. Nothing where only its metadata was
    kept."""
    if request.headers is None:
        return []
    operation = BY_ID.get(request.operation_id)
    if operation is None:
        found = [PATH.at("path", f"no operation answers {request.method} {request.path}")]
        return [*(found if request.operation_id == UNKNOWN_PATH else []), *_agent(request)]
    asked = _Asked.of(operation, request)
    findings = [
        *_token(request),
        *_agent(request),
        *_misplaced(asked),
        *_names(asked),
        *_parameters(asked),
        *_query_times(asked),
        *_listing(asked),
        *_window(asked),
        *_body(asked),
        *_body_times(asked),
    ]
    if not any(one.severity == "error" for one in findings):
        findings += _refusal(asked)
    return findings


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request beside the operation that it is for. `found` are its misplaced parameters."""

    operation: Operation
    request: RequestRecord
    path: dict[str, str]
    query: dict[str, list[str]]
    found: list[compat.Misplaced]

    @classmethod
    def of(cls, operation: Operation, request: RequestRecord) -> "_Asked":
        query = parse_query(request.query or "")
        body = b"" if request.body is None else msgspec.json.encode(request.body)
        found = compat.misplaced(operation, query, body)
        return cls(operation, request, path_values(operation, request.path), query, found)

    @property
    def members(self) -> dict[str, Any]:
        return self.request.body if isinstance(self.request.body, dict) else {}


# ---- headers


def _token(request: RequestRecord) -> Iterator[Finding]:
    headers = request.headers or {}
    by = headers.get("authorization", "")
    if "x-amz-access-token" not in headers:
        told = "the access token is sent as Authorization" if by else "there is no access token"
        yield (TOKEN_PLACE if by else TOKEN_MISSING).at(
            f"header/{'authorization' if by else 'x-amz-access-token'}", told
        )
    if by.upper().startswith("AWS4-"):
        yield SIGNATURE.at("header/authorization", "requests need no signature since 2023")


def _agent(request: RequestRecord) -> Iterator[Finding]:
    agent = (request.headers or {}).get("user-agent", "")
    if not agent:
        yield USER_AGENT_MISSING.at("header/user-agent", "there is no User-Agent")
    elif not _USER_AGENT.match(agent):
        yield USER_AGENT_FORM.at("header/user-agent", f"{agent[:80]!r} does not say whose it is")


# ---- where things stand, and what they are called


def _misplaced(asked: _Asked) -> Iterator[Finding]:
    for one in asked.found:
        if one.found.endswith("in the body"):
            place = f"body/{one.found.partition(' ')[0]}"
            yield PARAMETER_IN_BODY.at(place, one.advice(), f"{one.name} as a query parameter")
        else:
            yield MISSPELT.at(f"query/{one.found.rpartition(' ')[2]}", one.advice(), one.name)


def _names(asked: _Asked) -> Iterator[Finding]:
    operation = asked.operation
    known = {one.name for one in operation.parameters if one.where == "query"}
    told = {one.found.rpartition(" ")[2] for one in asked.found}
    members = member_names(operation.body) if operation.body is not None else frozenset()
    for name, values in asked.query.items():
        place = f"query/{name}"
        if name in known:
            yield from _array(operation, name, values)
        elif name in told:
            continue
        elif (one := meant(operation, name)) is not None and one.where == "query":
            rule = ARRAY_SPELLING if one.kind == "array" and re.search(r"[\[.]|\d$|List$", name) else MISSPELT
            yield rule.at(place, f"{name} is ignored: the parameter is called {one.name}", one.name)
        elif name in members:
            yield MEMBER_IN_QUERY.at(place, f"{name} is a member of the body", f"{name} in the body")
        else:
            yield UNKNOWN_PARAMETER.at(place, f"{operation.id} has no query parameter {name}; it is ignored")


def _array(operation: Operation, name: str, values: Sequence[str]) -> Iterator[Finding]:
    parameter = next(one for one in operation.parameters if one.name == name)
    if parameter.kind == "array" and any(_LIST_LIKE.match(value) for value in values):
        yield ARRAY_SPELLING.at(f"query/{name}", f"{name} is a list, spelt {values[0][:40]!r}", f"{name}=A,B")


# ---- what values may be


def _parameters(asked: _Asked) -> Iterator[Finding]:
    misplaced = {one.name for one in asked.found}
    for parameter in asked.operation.parameters:
        given = asked.query.get(parameter.name, [])
        _, faults = read((parameter,), asked.path, asked.query)
        if not faults or parameter.name in misplaced:
            continue
        if any(meant(asked.operation, name) is parameter for name in asked.query if name != parameter.name):
            continue  # told by its name
        values = [asked.path.get(parameter.name, "")] if parameter.where == "path" else given
        yield _of_value(parameter, values, faults[0].reason)


def _of_value(parameter: Parameter, given: Sequence[str], reason: str) -> Finding:
    place = f"{parameter.where}/{parameter.name}"
    if "is required" in reason:
        return MISSING.at(place, reason, parameter.name)
    if " times, expected once" in reason:
        return REPEATED.at(place, reason)
    if "takes at most" in reason:
        return TOO_MANY.at(place, reason, f"at most {parameter.max_items} values")
    if parameter.choices:
        items = [item for text in given for item in text.split(",")]
        cased = [item.upper() for item in items if item not in parameter.choices and item.upper() in parameter.choices]
        if cased:
            return WRONG_CASE.at(place, reason, ", ".join(cased))
        return NOT_A_CHOICE.at(place, reason, ", ".join(parameter.choices))
    return (TOO_LONG if "characters" in reason and "must have" in reason else WRONG_FORM).at(place, reason)


# ---- times


def _query_times(asked: _Asked) -> Iterator[Finding]:
    for name in _TIMES & asked.query.keys() & {one.name for one in asked.operation.parameters}:
        yield from _time(f"query/{name}", asked.query[name][0], in_utc=False, in_query=True)


def _body_times(asked: _Asked) -> Iterator[Finding]:
    if asked.operation.body is not None:
        for place, text in _times_of(asked.request.body, "body"):
            yield from _time(place, text, in_utc=asked.operation.id in _IN_UTC)


def _times_of(value: Any, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, one in value.items():
            if name in _BODY_TIMES and isinstance(one, str):
                yield f"{place}/{name}", one
            else:
                yield from _times_of(one, f"{place}/{name}")
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from _times_of(one, f"{place}/{number}")


def _time(place: str, text: str, *, in_utc: bool, in_query: bool = False) -> Iterator[Finding]:
    if text in ("", MASK):
        return
    name = place.rpartition("/")[2]
    if in_query and _LOST_PLUS.fullmatch(text):
        yield PLUS.at(place, f"the + of {name} reads as a space: {text[:40]!r}")
        return
    try:
        parse(text)
    except TimeFault:
        yield NOT_A_TIME.at(place, f"{name} is not a valid ISO 8601 date and time: {text[:40]!r}")
        return
    has_zone = bool(re.search(r"(?:Z|T.*[+-]\d{2}(?::?\d{2})?)$", text))
    if in_utc and not is_utc(text):
        yield NOT_UTC.at(place, f"{name} {text} is not in UTC")
    elif not has_zone:
        yield NO_ZONE.at(place, f"{name} {text} has no zone; it is taken as UTC", f"{text}Z" if "T" in text else None)


def _instants(values: dict[str, str]) -> dict[str, Instant]:
    found = {}
    for name, text in values.items():
        try:
            found[name] = parse(text)
        except TimeFault:
            continue
    return found


def _listing(asked: _Asked) -> Iterator[Finding]:
    if asked.operation.id != "getServiceJobs":
        return
    both = [name for name in ("createdAfter", "lastUpdatedAfter") if asked.query.get(name, [""])[0]]
    if len(both) != 1:
        told = "both are given" if both else "neither is given"
        yield CREATED_OR_UPDATED.at("query/createdAfter", f"of createdAfter and lastUpdatedAfter {told}")
    instants = _instants({name: asked.query[name][0] for name in jobs._TIMES if name in asked.query})
    for after, before in zip(jobs._TIMES[::2], jobs._TIMES[1::2], strict=True):
        if after in instants and before in instants and instants[before] < instants[after]:
            yield REVERSED.at(f"query/{before}", f"{before} is earlier than {after}")


def _window(asked: _Asked) -> Iterator[Finding]:
    operation = asked.operation
    if operation.id in ("getAppointmmentSlotsByJobId", "getAppointmentSlots"):
        given = {name: asked.query[name][0] for name in ("startTime", "endTime") if asked.query.get(name, [""])[0]}
        if len(given) == 1:
            (one,) = given
            other = "endTime" if one == "startTime" else "startTime"
            yield HALF_WINDOW.at(f"query/{other}", f"{other} is missing: startTime and endTime go together", other)
        yield from _length(_instants(given), ("startTime", "endTime"), "query", WINDOW_TOO_LONG, LONGEST_WINDOW_DAYS)
    elif operation.id in ("getRangeSlotCapacity", "getFixedSlotCapacity"):
        names = ("startDateTime", "endDateTime")
        given = {name: asked.members[name] for name in names if isinstance(asked.members.get(name), str)}
        yield from _length(_instants(given), names, "body", IN_PAGES, _PAGE_DAYS)


def _length(
    instants: dict[str, Instant], names: tuple[str, str], where: str, rule: Rule, most: int
) -> Iterator[Finding]:
    if len(instants) < 2:
        return
    start, end = (instants[name] for name in names)
    if end <= start:
        yield REVERSED.at(f"{where}/{names[1]}", f"{names[1]} is not after {names[0]}")
    elif end - start > most * _DAY:
        yield rule.at(f"{where}/{names[1]}", f"the window has {(end - start) / _DAY:.1f} days, more than {most}")


# ---- the body


def _body(asked: _Asked) -> Iterator[Finding]:
    operation, request = asked.operation, asked.request
    told = {one.found.partition(" ")[0] for one in asked.found}
    if operation.body is None:
        if (request.body or request.body_fault) and not told & asked.members.keys():
            yield BODY_UNEXPECTED.at("body", f"{operation.id} has no body; it is ignored")
        return
    media_type = (request.headers or {}).get("content-type", "").partition(";")[0].strip().lower()
    has_body = request.body is not None or request.body_fault is not None
    if has_body and media_type != "application/json":
        yield CONTENT_TYPE.at("header/content-type", f"Content-Type is {media_type or 'missing'}")
    if request.body_fault is not None:
        yield BODY_MALFORMED.at("body", request.body_fault)
    elif request.body is not None and not isinstance(request.body, dict):
        yield BODY_MALFORMED.at("body", "the body is no JSON object")
    for place, name, known in _unknown(request.body, operation.body, "body"):
        if name in told:
            continue
        if (one := meant(operation, name)) is not None and one.where == "query" and place == f"body/{name}":
            advice = f"send {one.name} as the query parameter {one.name}, not as {name} in the body"
            yield PARAMETER_IN_BODY.at(place, advice, f"{one.name} as a query parameter")
        elif (other := next((one for one in known if normal(one) == normal(name)), None)) is not None:
            yield MISSPELT.at(place, f"{name} is ignored: the member is called {other}", other)
        else:
            yield UNKNOWN_MEMBER.at(place, f"{operation.id} has no member {name} here; it is ignored")
    yield from _choices(request.body, operation.body, "body")


def _unknown(value: Any, shape: Any, place: str) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Place, name and the members that are known there, of each that is not."""
    if isinstance(value, list):
        for number, one in enumerate(value):
            yield from _unknown(one, shape, f"{place}/{number}")
    elif isinstance(value, dict) and (found := structs(shape)):
        members = _members(found[0])
        for name, one in value.items():
            if name in members:
                yield from _unknown(one, members[name], f"{place}/{name}")
            else:
                yield f"{place}/{name}", name, tuple(members)


def _choices(value: Any, shape: Any, place: str) -> Iterator[Finding]:
    """Values of enumerations that are right but for their case, or not at all."""
    if isinstance(value, list):
        for number, one in enumerate(value):
            yield from _choices(one, shape, f"{place}/{number}")
    elif isinstance(value, dict) and (found := structs(shape)):
        members = _members(found[0])
        for name, one in value.items():
            yield from _choices(one, members.get(name), f"{place}/{name}")
    elif isinstance(value, str) and (choices := _literals(shape)) and value not in choices:
        if value.upper() in choices:
            yield WRONG_CASE.at(place, f"{value} must be written {value.upper()}", value.upper())
        else:
            yield NOT_A_CHOICE.at(place, f"{value[:40]!r} must be one of {', '.join(choices)}", ", ".join(choices))


@lru_cache(maxsize=64)
def _members(struct: type[msgspec.Struct]) -> dict[str, Any]:
    return {field.encode_name: field.type for field in msgspec.structs.fields(struct)}


def _literals(shape: Any) -> tuple[str, ...]:
    if get_origin(shape) is Literal:
        return tuple(one for one in get_args(shape) if isinstance(one, str))
    return tuple(text for one in get_args(shape) for text in _literals(one))


# ---- what is left


def _refusal(asked: _Asked) -> Iterator[Finding]:
    request = asked.request
    body = None if request.body is None else msgspec.json.encode(request.body)
    try:
        checks.refuse(asked.operation, asked.path, asked.query, body)
    except ApiError as fault:
        yield REFUSED.at("request", _words(fault.faults[0].code, fault.faults[0].message, fault.faults[0].details))
        return
    if not 400 <= request.status < 500 or request.status == 429:
        return
    answer = request.answer
    faults = answer if isinstance(answer, list) else answer.get("errors") if isinstance(answer, dict) else None
    for one in (faults or ())[:1]:
        yield REFUSED.at("request", _words(one.get("code"), one.get("message"), one.get("details")))


def _words(code: str | None, message: str | None, details: str | None) -> str:
    return f"{code}: {message}" + (f" {details}" if details else "")


# ---- several requests


def lint_together(requests: Iterable[RequestRecord]) -> list[Finding]:
    """What only several requests show; each finding once for each application, seller, operation and thing."""
    by_plan: dict[tuple[str | None, str | None, str], list[tuple[Instant, RequestRecord]]] = {}
    for one in requests:
        key = (one.application_id, one.seller_id, one.operation_id)
        by_plan.setdefault(key, []).append((parse(one.at), one))
    findings: list[Finding] = []
    for (_, _, operation_id), timed in sorted(by_plan.items(), key=lambda item: str(item[0])):
        timed.sort(key=lambda item: (item[0], item[1].sequence))
        if operation_id == TOKEN:
            findings += _tokens(timed)
        elif operation_id in BY_ID:
            findings += [*_rate(BY_ID[operation_id], timed), *_throttled(timed), *_again(timed)]
    return findings


Timed = Sequence[tuple[Instant, RequestRecord]]


def _rate(operation: Operation, timed: Timed) -> Iterator[Finding]:
    first = timed[0][1]
    rate, burst = first.rate or operation.rate, first.burst or operation.burst
    level, before, near = float(burst), timed[0][0], []
    for at, one in timed:
        level = min(burst, level + (at - before) / SECOND * rate)
        before = at
        if one.status not in (403, 429):
            level = max(0.0, level - 1)
        if level < burst / 5 and one.status != 429:
            near.append(one.request_id)
    # The last request of a burst of one or two always empties it.
    if near and burst >= 5:
        told = f"{len(near)} requests of {operation.id} left less than a fifth of its burst of {burst}"
        yield NEAR_RATE.at("request", told, f"at most {rate:g} requests a second", near[:20])


def _throttled(timed: Timed) -> Iterator[Finding]:
    throttled = [one.request_id for _, one in timed if one.status == 429]
    if not throttled:
        return
    name = timed[0][1].operation_id
    yield THROTTLED.at("request", f"{len(throttled)} requests of {name} were throttled", None, throttled[:20])
    hasty = [
        after.request_id
        for (at, one), (then, after) in pairwise(timed)
        if one.status == 429 and then - at < SECOND / BY_ID[name].rate
    ]
    if hasty:
        told = f"{len(hasty)} requests of {name} came less than {1 / BY_ID[name].rate:g} s after a 429"
        yield NO_BACK_OFF.at("request", told, None, hasty[:20])


_POLLED, _POLL_WITHIN = 3, 15 * MINUTE


def _again(timed: Timed) -> Iterator[Finding]:
    """Reads that found nothing new, and refusals that nobody learnt from: three or more within a quarter of an hour."""
    same: dict[bytes, list[tuple[Instant, RequestRecord]]] = {}
    for at, one in timed:
        if one.headers is not None:
            asked = msgspec.json.encode([one.method, one.path, one.query, one.body])
            same.setdefault(asked, []).append((at, one))
    for found in same.values():
        for run in _runs(found):
            ids, first = [one.request_id for _, one in run], run[0][1]
            target = f"{first.method} {first.path}" + (f"?{first.query}" if first.query else "")
            minutes = (run[-1][0] - run[0][0]) / MINUTE
            if first.status < 300 and first.operation_id.startswith("get"):
                told = f"{target[:200]} was read {len(run)} times within {minutes:.1f} minutes, always with one answer"
                yield UNCHANGED_POLL.at("request", told, None, ids[:20])
            elif 400 <= first.status < 500 and first.status not in (403, 429):
                told = f"{target[:200]} was refused {len(run)} times within {minutes:.1f} minutes, always alike"
                yield REPEATED_REFUSAL.at("request", told, None, ids[:20])


def _runs(found: Timed) -> Iterator[list[tuple[Instant, RequestRecord]]]:
    """Neighbours with one answer, three or more."""
    run: list[tuple[Instant, RequestRecord]] = []
    for at, one in found:
        if (
            run
            and (one.status, one.answer) == (run[-1][1].status, run[-1][1].answer)
            and at - run[-1][0] < _POLL_WITHIN
        ):
            run.append((at, one))
            continue
        if len(run) >= _POLLED:
            yield run
        run = [(at, one)]
    if len(run) >= _POLLED:
        yield run


_TOKENS, _TOKENS_WITHIN = 6, 10 * MINUTE


def _tokens(timed: Timed) -> Iterator[Finding]:
    by_client: dict[str, list[tuple[Instant, RequestRecord]]] = {}
    for at, one in timed:
        if one.status == 200 and isinstance(one.body, dict) and one.body.get("grant_type") == "refresh_token":
            by_client.setdefault(str(one.body.get("client_id")), []).append((at, one))
    for client, found in by_client.items():
        for number in range(len(found) - _TOKENS + 1):
            if found[number + _TOKENS - 1][0] - found[number][0] < _TOKENS_WITHIN:
                ids = [one.request_id for _, one in found[number : number + _TOKENS]]
                told = f"{client} fetched {_TOKENS} access tokens within ten minutes; each is good for an hour"
                yield TOKEN_PER_REQUEST.at("request", told, None, ids)
                break
