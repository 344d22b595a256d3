"""Requests made from the OpenAPI document, by schemathesis, against the whole server in process.

Whatever comes, no answer is a 5xx, and each has a status, headers and a body that the document tells. Generated texts
alone would all be refused at the door, so ids, times and codes are often replaced by some that do.

The requests are the same in each run. FIELDSERVE_FUZZ=1000 makes that many of each kind for each operation, instead of
a few (`make fuzz`).
"""

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core import NotSet
from schemathesis.python.asgi import get_client
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from fieldserve.api import openapi
from fieldserve.app import create_app
from fieldserve.operations.applications import authorize_application, create_application
from fieldserve.operations.operator_keys import create_operator_key
from fieldserve.operations.run import Caller
from fieldserve.wire.operations import OPERATIONS
from tests.scene import Ask, Scene
from tests.uploads import document
from tests.world import ANN, ASIN, BOB, BRANCH, CID, NOW, PLAIN_ASIN, SELLER, STORE, US, World

EXAMPLES = int(os.environ.get("FIELDSERVE_FUZZ", "6"))
# Of an operation's values, this many in ten are replaced by plausible ones.
REPLACED = 8
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]

DOCUMENT = openapi.document()
ROUTES = [
    pytest.param(method.upper(), path, mode, id=f"{method.upper()} {path} {mode.value}")
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
    for mode in GenerationMode
    # Where nothing is asked for, nothing can be wrong; nor where any text will do.
    if mode is GenerationMode.POSITIVE
    or (any(map(operation.get, ("parameters", "requestBody", "security"))) and not path.startswith("/calendars/"))
]
TIME_MEMBERS = (
    *("startTime", "endTime", "startDateTime", "endDateTime", "createdAfter", "createdBefore"),
    *("lastUpdatedAfter", "lastUpdatedBefore", "scheduleStartDate", "scheduleEndDate"),
)
TIMES = [
    "2026-03-03T15:00:00Z",
    "2026-03-03T16:00:00.000Z",
    "2026-03-04T10:00:00-05:00",
    "2026-03-29T02:30:00+01:00",
    "2026-06-01T00:00:00Z",
    "2020-02-29T23:59:59.999999Z",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "2026-02-30T00:00:00Z",
    "soon",
]


@dataclass
class Supply:
    """Things that are there, by the name of the member that asks for them."""

    values: dict[str, list[Any]] = field(default_factory=dict)
    pairs: list[tuple[str, str]] = field(default_factory=list)
    # A request of the operation that is in order, where it is one of the 17.
    good: Ask | None = None

    def improve(self, case: Any, chance: random.Random) -> None:
        """Make a generated request one that gets further."""
        case.path_parameters = self.fill(case.path_parameters, chance)
        case.query = self.fill(case.query, chance)
        has_body = not isinstance(case.body, (NotSet, bytes))
        if has_body:
            case.body = self.fill(case.body, chance)
        if "appointmentId" in (case.path_parameters or {}) and chance.randrange(10) < REPLACED:
            job_id, appointment_id = chance.choice(self.pairs)
            case.path_parameters |= {"serviceJobId": job_id, "appointmentId": appointment_id}
        if self.good is not None and chance.randrange(10) < REPLACED:
            case.query = mixed(self.good.query, case.query or {}, chance)
            if has_body:
                case.body = mixed(self.good.body, case.body, chance)
        # Keys that were sent before, and tokens that nobody issued, would end most requests early.
        if chance.randrange(10) < REPLACED:
            case.headers = {}

    def fill(self, value: Any, chance: random.Random) -> Any:
        """The value with what it names replaced, all the way down."""
        if isinstance(value, list):
            return [self.fill(one, chance) for one in value]
        if isinstance(value, dict):
            return {name: self._filled(name, one, chance) for name, one in value.items()}
        return value

    def _filled(self, name: str, value: Any, chance: random.Random) -> Any:
        if name in self.values and chance.randrange(10) < REPLACED:
            found = chance.choice(self.values[name])
            return [found] if isinstance(value, list) else found
        return self.fill(value, chance)


def mixed(good: Any, made: Any, chance: random.Random) -> Any:
    """What is in order, with a part here and there of what was made up."""
    if isinstance(good, dict) and isinstance(made, dict):
        names = [*good, *(name for name in made if name not in good and chance.randrange(10) >= REPLACED)]
        return {name: mixed(good[name], made.get(name), chance) if name in good else made[name] for name in names}
    if isinstance(good, list) and isinstance(made, list) and made and chance.randrange(10) >= REPLACED:
        return [*good, *made]
    return good if made is None or chance.randrange(10) < REPLACED else made


@pytest.fixture(scope="module")
async def tokens(small_world: World) -> dict[str, str]:
    """What a request needs to be let in, wherever it goes."""
    key = await create_operator_key(small_world.context, Caller("", actor="test"), "fuzz")
    return {"x-amz-access-token": small_world.tokens[SELLER], "authorization": f"Bearer {key}"}


@pytest.fixture(scope="module")
def client(small_world: World) -> Iterator[Any]:
    app: Any = create_app(small_world.context)
    with get_client(app) as client:
        yield client


@pytest.fixture(scope="module")
def scene(small_world: World) -> Scene:
    return Scene(small_world)


@pytest.fixture
async def supply(small_world: World, scene: Scene, method: str, path: str) -> Supply:
    """New things for each operation: what one has used up, the next needs.

    Operators change other things than those that the operations are tried on."""
    operator = path.startswith("/operator/")
    pending = [await scene.pending() for _ in range(2)]
    booked = [await scene.booked() for _ in range(2)]
    buyer = Caller(SELLER, actor="test")
    application = await create_application(small_world.context, buyer, "Spare")
    application_id = application.application.application_id
    granted = await authorize_application(small_world.context, buyer, application_id, SELLER)
    await create_operator_key(small_world.context, buyer, "spare")
    starts = [scene.slot() for _ in range(2)]
    common: dict[str, list[Any]] = {
        "serviceJobId": [*pending, *(job_id for job_id, _ in booked)],
        "appointmentId": [appointment_id for _, appointment_id in booked],
        "resourceId": [STORE, ANN, BOB],
        "technicianId": [CID] if operator else [ANN, BOB],
        "storeId": [BRANCH] if operator else [STORE],
        "storeIds": [BRANCH] if operator else [STORE],
        "sellerId": [SELLER],
        "asin": [PLAIN_ASIN] if operator else [ASIN, PLAIN_ASIN],
        "asins": [ASIN],
        "reservationId": [await scene.reserved() for _ in range(2)],
        "uploadDestinationId": [await document(small_world)],
        "marketplaceId": [US],
        "marketplaceIds": [US],
        "cancellationReasonCode": ["V1"],
        "rescheduleReasonCode": ["R1"],
        "applicationId": [application_id],
        "authorizationId": [granted.authorization.authorization_id],
        "timeZone": ["America/New_York", "Asia/Kathmandu"],
        "slotDuration": [5, 60, 360],
        "contentType": ["PNG"],
        "after": ["0", "a"],
    }
    moments = {name: [*TIMES, *starts] for name in TIME_MEMBERS}
    good = [await scene.ask(one.id) for one in OPERATIONS if (one.method, one.path) == (method, path)]
    return Supply(common | moments, booked, good[0] if good else None)


@pytest.fixture(scope="module")
def schema() -> Any:
    return schemathesis.openapi.from_dict(DOCUMENT)


@pytest.mark.parametrize(("method", "path", "mode"), ROUTES)
def test_holds(
    schema: Any, client: Any, tokens: dict[str, str], supply: Supply, method: str, path: str, mode: GenerationMode
) -> None:
    """No answer is a 5xx, and each is one that the document tells."""
    operation = schema[path][method]

    @seed(20260302)
    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def holds(case: Any) -> None:
        supply.improve(case, random.Random(repr((case.path_parameters, case.query, case.body))))
        answer = case.call(base_url="http://127.0.0.1", session=client, headers=tokens)
        case.validate_response(answer, checks=CHECKS)

    holds()


def test_time_of_the_world(small_world: World) -> None:
    """The clock stands still, or the requests would not be the same in each run."""
    assert small_world.clock.now() == NOW
