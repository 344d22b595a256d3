"""The client for asyncio. `_sync.py` is made from this file by tools/unasync.py: change this one, and run it."""

import os
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from urllib.parse import urlencode, urlsplit

from fieldserve.client import connecting, pacing, retries, tokens, uploads, windows
from fieldserve.client._clock import SYSTEM, Clock, await_, await_apart, await_joined
from fieldserve.client.credentials import CredentialProvider, Provider
from fieldserve.client.exceptions import MissingScopeException, no_answer, refused
from fieldserve.client.marketplaces import Marketplaces, chosen
from fieldserve.client.requests import Body, Request, Texts, Time, build, members
from fieldserve.client.response import ApiResponse, UpdatedScheduleRecord, errors_of
from fieldserve.client.retries import Attempts, Retries, key_of, may_repeat
from fieldserve.client.tokens import TOKEN_ENDPOINT, AccessTokenResponse, read_token
from fieldserve.wire.appointments import AppointmentResource, AssignmentWarnings, SetAppointmentResponse
from fieldserve.wire.capacity import FixedSlotCapacity, RangeSlotCapacity
from fieldserve.wire.documents import ServiceDocumentUploadDestination
from fieldserve.wire.fulfillment import FulfillmentDocument
from fieldserve.wire.jobs import (
    CancelServiceJobByServiceJobIdResponse,
    CompleteServiceJobByServiceJobIdResponse,
    JobListing,
    ServiceJob,
)
from fieldserve.wire.marketplaces import region_of_host
from fieldserve.wire.operations import BY_ID, Operation
from fieldserve.wire.reservations import ReservationRecord
from fieldserve.wire.retries import HEADER as IDEMPOTENCY_KEY
from fieldserve.wire.slots import AppointmentSlot, AppointmentSlotReport

if TYPE_CHECKING:
    import ssl

    import httpx2

Json = Mapping[str, Any]


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class AsyncHttp:
    """Connections: one pool for each proxy, opened when first needed. Nothing that is sent is logged."""

    def __init__(self, proxies: Any, verify: Any, timeout: Any):
        self.clock: Clock = SYSTEM
        self._proxies = proxies
        self._verify = verify
        self._timeouts = connecting.timeouts(timeout)
        self._by_host: dict[str, httpx2.AsyncBaseTransport] = {}
        self._pools: dict[Any, httpx2.AsyncBaseTransport] = {}
        self._lock = threading.Lock()
        connecting.close_at_end(self, self._pools)

    def open(self, proxy: Any) -> "httpx2.AsyncBaseTransport":
        """A pool of connections through a proxy, or straight."""
        import httpx2

        return httpx2.AsyncHTTPTransport(verify=connecting.trusted(self._verify), proxy=proxy)

    def request(self, method: str, url: str, headers: dict[str, str], content: bytes | None) -> "httpx2.Request":
        """A request with this client's timeouts."""
        import httpx2

        return httpx2.Request(method, url, headers=headers, content=content, extensions={"timeout": self._timeouts})

    async def send(self, request: "httpx2.Request") -> Answer:
        """The answer, as a whole. Raises httpx2.TransportError."""
        # The HTTP library's client would write every URL into the log, and upload URLs are secrets: so its transports
        # are used directly. They follow no redirects and keep no cookies, of which this API has none.
        response = await self._transport(request.url).handle_async_request(request)
        try:
            if "content-encoding" in response.headers:
                content = await response.aread()
            else:  # what needs no decoding need not go through the decoders
                content = await await_joined(response.stream)
        finally:
            await response.aclose()
        return Answer(response.status_code, response.headers, content)

    async def repeat(
        self,
        attempts: Attempts,
        prepare: "Callable[[], Awaitable[httpx2.Request]]",
        heard: Callable[[Answer], None] | None = None,
    ) -> Answer:
        """The answer to a request that is prepared anew for each try; `heard` learns of every one.

        Raises SellingApiConnectionException."""
        import httpx2

        while True:
            request = await prepare()
            try:
                answer = await self.send(request)
                if heard is not None:
                    heard(answer)
                wait = attempts.after_answer(answer.status, answer.headers)
            except httpx2.TransportError as fault:
                wait = attempts.after_fault(fault)
                if wait is None:
                    raise no_answer(fault, isinstance(fault, httpx2.TimeoutException)) from fault
            else:
                if wait is None:
                    return answer
            await self.clock.asleep(wait)

    async def aclose(self) -> None:
        """Close the connections; the next request opens others."""
        with self._lock:
            pools = list(self._pools.values())
            self._pools.clear()
            self._by_host.clear()
        for pool in pools:
            await pool.aclose()

    def _transport(self, url: "httpx2.URL") -> "httpx2.AsyncBaseTransport":
        place = f"{url.scheme}://{url.host}"
        found = self._by_host.get(place)
        if found is None:
            with self._lock:
                proxy = connecting.proxy_for(self._proxies, url.scheme, url.host)
                key = str(proxy)
                if key not in self._pools:
                    self._pools[key] = self.open(proxy)
                found = self._by_host[place] = self._pools[key]
        return found

    def __repr__(self) -> str:  # a proxy's URL may hold a password
        return f"{type(self).__name__}(…)"


class AsyncAccessTokenClient:
    """Fetches access tokens, and keeps them for all clients of the process that have the same credentials."""

    grant_type = "refresh_token"

    def __init__(
        self,
        refresh_token: str | None = None,
        credentials: "CredentialProvider.Config | None" = None,
        proxies: Any = None,
        verify: Any = True,
    ):
        if credentials is None:
            credentials = CredentialProvider().credentials
        self._client_id = credentials.lwa_app_id
        self._client_secret = credentials.lwa_client_secret
        self._refresh_token = refresh_token or credentials.refresh_token
        self.token_endpoint = os.environ.get("SP_API_TOKEN_ENDPOINT", TOKEN_ENDPOINT)
        self.http = AsyncHttp(proxies, verify, None)
        self.policy = Retries()

    async def get_auth(self) -> AccessTokenResponse:
        """A token for the seller. Raises AuthorizationError, SellingApiConnectionException."""
        cell = self._cell(self._refresh_token)
        found = cell.fresh(self.http.clock.now())
        if found is not None:
            return found
        return await self._shared(cell, {"grant_type": self.grant_type, "refresh_token": self._refresh_token or ""})

    async def get_grantless_auth(self, scope: str = "sellingpartnerapi::notifications") -> AccessTokenResponse:
        """A token with no seller behind it."""
        return await self._shared(self._cell(None, scope), {"grant_type": "client_credentials", "scope": scope})

    async def authorize_auth_code(self, auth_code: str) -> dict[str, Any]:
        """The endpoint's answer for the code that a seller's consent gave; `refresh_token` is what to keep of it."""
        answer = await self._fetch({"grant_type": "authorization_code", "code": auth_code}, self._cell(None, "code"))
        return answer

    def refused(self, token: str, says: str) -> bool:
        """The API refused a token: whether a new one may help."""
        return self._cell(self._refresh_token).refused(token, says, self.http.clock.now())

    def _cell(self, *identity: str | None) -> tokens.Cell:
        return tokens.cell(self.token_endpoint, self._client_id, self._client_secret, *identity)

    async def _shared(self, cell: tokens.Cell, form: dict[str, str]) -> AccessTokenResponse:
        while True:
            what, found = cell.ask(self.http.clock.now())
            if what == "wait":
                found = await await_(found)
            if what == "fetch":
                return await self._fetch_for_all(cell, found, form)
            if found is not None:
                taken: AccessTokenResponse = found
                return taken

    async def _fetch_for_all(self, cell: tokens.Cell, flight: Any, form: dict[str, str]) -> AccessTokenResponse:
        try:
            token = AccessTokenResponse(**await self._fetch(form, cell))
        except BaseException as fault:
            old = cell.crash(flight, fault, self.http.clock.now())
            if old is None or not isinstance(fault, Exception):
                raise
            return old
        cell.land(flight, token, self.http.clock.now())
        return token

    async def _fetch(self, form: dict[str, str], cell: tokens.Cell) -> dict[str, Any]:
        sent = {**form, "client_id": self._client_id, "client_secret": self._client_secret}
        headers = {
            "content-type": "application/x-www-form-urlencoded;charset=UTF-8",
            "user-agent": _user_agent(),
            "accept": "application/json",
        }

        async def prepare() -> "httpx2.Request":
            return self.http.request("POST", self.token_endpoint, headers, urlencode(sent).encode())

        # A code is good for once; the other grants can be asked by again.
        safe = form["grant_type"] != "authorization_code"
        answer = await self.http.repeat(Attempts(self.policy, cell.budget, safe), prepare)
        return read_token(answer.status, answer.content)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.token_endpoint})"


class AsyncServices:
    """The Services API.

    Ids are positional, everything else goes by the model's names, as keywords or as `body`. Times are ISO 8601 texts or
    datetimes with a time zone; lists are lists or comma-separated texts; `marketplaceIds` is the client's own
    marketplace unless given. A call answers an ApiResponse or raises a SellingApiException, and what the server would
    refuse without looking anything up is refused before it is sent (`validate = False` turns that off; it is off at a
    sandbox's host, whose cases take what the API does not).

    endpoint          what to call instead of the marketplace's own; SP_API_ENDPOINT if not given
    token_endpoint    where tokens come from: SP_API_TOKEN_ENDPOINT if not given, and Amazon's if that is not either
    retries           0 to 2 more tries, or a Retries
    timeout           seconds, or (connect, read) in seconds; 10 to connect and 30 to be answered if not given
    proxies           a URL, a list of them to choose from, or URLs by scheme; the environment's if not given
    verify            False, a file or folder of certificates, or an SSLContext"""

    grantless_scope: str = ""

    def __init__(
        self,
        marketplace: Marketplaces = Marketplaces.US,
        *,
        refresh_token: str | None = None,
        account: str = "default",
        credentials: Json | None = None,
        restricted_data_token: str | None = None,
        proxies: Any = None,
        verify: "bool | str | ssl.SSLContext" = True,
        timeout: "float | tuple[float, float] | httpx2.Timeout | None" = None,
        version: str | None = None,
        credential_providers: Iterable[Provider] | None = None,
        auth_token_client_class: Callable[..., Any] = AsyncAccessTokenClient,
        endpoint: str | None = None,
        token_endpoint: str | None = None,
        retries: "int | Retries | None" = None,
    ):
        marketplace = chosen(marketplace)
        self.credentials = CredentialProvider(account, credentials, credential_providers).credentials
        self.endpoint = connecting.tidy(endpoint or os.environ.get("SP_API_ENDPOINT") or marketplace.endpoint)
        self.marketplace_id = marketplace.marketplace_id
        self.region = marketplace.region
        self.restricted_data_token = restricted_data_token
        self.proxies = proxies
        self.verify = verify
        self.timeout = timeout
        self.version = version
        self.retries = _read_retries(retries)
        self.validate = not region_of_host(urlsplit(self.endpoint).hostname or "")[1]
        self._http = AsyncHttp(proxies, verify, timeout)
        self._auth = auth_token_client_class(
            refresh_token=refresh_token, credentials=self.credentials, proxies=proxies, verify=verify
        )
        if isinstance(self._auth, AsyncAccessTokenClient):
            self._auth.http = self._http
            self._auth.policy = self.retries
            self._auth.token_endpoint = token_endpoint or self._auth.token_endpoint
        seller = refresh_token or self.credentials.refresh_token
        self._account = pacing.account(self.endpoint, self.credentials.lwa_app_id, seller)

    @property
    async def auth(self) -> AccessTokenResponse:
        """The token that requests carry."""
        token: AccessTokenResponse = await self._auth.get_auth()
        return token

    @property
    async def grantless_auth(self) -> AccessTokenResponse:
        """A token for `grantless_scope`. Raises MissingScopeException."""
        if not self.grantless_scope:
            raise MissingScopeException("Grantless operations require scope")
        token: AccessTokenResponse = await self._auth.get_grantless_auth(self.grantless_scope)
        return token

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.restricted_data_token = None
        await self.aclose()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.endpoint}, {self.marketplace_id})"

    # ---- jobs

    async def get_service_job_by_service_job_id(self, serviceJobId: str) -> ApiResponse[ServiceJob]:
        """Read one service job."""
        return await self._call("getServiceJobByServiceJobId", {"serviceJobId": serviceJobId})

    async def cancel_service_job_by_service_job_id(
        self, serviceJobId: str, *, cancellationReasonCode: str
    ) -> ApiResponse[CancelServiceJobByServiceJobIdResponse]:
        """Cancel a service job; its capacity is free again."""
        query = {"cancellationReasonCode": cancellationReasonCode}
        return await self._call("cancelServiceJobByServiceJobId", {"serviceJobId": serviceJobId}, query)

    async def complete_service_job_by_service_job_id(
        self, serviceJobId: str
    ) -> ApiResponse[CompleteServiceJobByServiceJobIdResponse]:
        """Complete a service job and close its appointment."""
        return await self._call("completeServiceJobByServiceJobId", {"serviceJobId": serviceJobId})

    async def get_service_jobs(
        self,
        *,
        serviceOrderIds: Texts | None = None,
        productOrderIds: Texts | None = None,
        trackingIds: Texts | None = None,
        serviceJobStatus: Texts | None = None,
        pageToken: str | None = None,
        pageSize: int | None = None,
        sortField: str | None = None,
        sortOrder: str | None = None,
        createdAfter: Time | None = None,
        createdBefore: Time | None = None,
        lastUpdatedAfter: Time | None = None,
        lastUpdatedBefore: Time | None = None,
        scheduleStartDate: Time | None = None,
        scheduleEndDate: Time | None = None,
        marketplaceIds: Texts | None = None,
        asins: Texts | None = None,
        requiredSkills: Texts | None = None,
        storeIds: Texts | None = None,
    ) -> ApiResponse[JobListing]:
        """List service jobs, filtered and paged; `iter_service_jobs` turns the pages."""
        query = {
            "serviceOrderIds": serviceOrderIds,
            "productOrderIds": productOrderIds,
            "trackingIds": trackingIds,
            "serviceJobStatus": serviceJobStatus,
            "pageToken": pageToken,
            "pageSize": pageSize,
            "sortField": sortField,
            "sortOrder": sortOrder,
            "createdAfter": createdAfter,
            "createdBefore": createdBefore,
            "lastUpdatedAfter": lastUpdatedAfter,
            "lastUpdatedBefore": lastUpdatedBefore,
            "scheduleStartDate": scheduleStartDate,
            "scheduleEndDate": scheduleEndDate,
            "marketplaceIds": marketplaceIds,
            "asins": asins,
            "requiredSkills": requiredSkills,
            "storeIds": storeIds,
        }
        return await self._call("getServiceJobs", {}, query)

    async def iter_service_jobs(
        self,
        *,
        serviceOrderIds: Texts | None = None,
        productOrderIds: Texts | None = None,
        trackingIds: Texts | None = None,
        serviceJobStatus: Texts | None = None,
        pageSize: int | None = None,
        sortField: str | None = None,
        sortOrder: str | None = None,
        createdAfter: Time | None = None,
        createdBefore: Time | None = None,
        lastUpdatedAfter: Time | None = None,
        lastUpdatedBefore: Time | None = None,
        scheduleStartDate: Time | None = None,
        scheduleEndDate: Time | None = None,
        marketplaceIds: Texts | None = None,
        asins: Texts | None = None,
        requiredSkills: Texts | None = None,
        storeIds: Texts | None = None,
    ) -> AsyncIterator[ServiceJob]:
        """Every job of a listing, each once, over all pages.

        Lists may be longer than a request takes (20 ids, 50 stores): several requests then ask for their parts, and
        the jobs of one part come before those of the next, each part sorted for itself."""
        filters: dict[str, Any] = {
            "serviceOrderIds": serviceOrderIds,
            "productOrderIds": productOrderIds,
            "trackingIds": trackingIds,
            "serviceJobStatus": serviceJobStatus,
            "pageSize": pageSize,
            "sortField": sortField,
            "sortOrder": sortOrder,
            "createdAfter": createdAfter,
            "createdBefore": createdBefore,
            "lastUpdatedAfter": lastUpdatedAfter,
            "lastUpdatedBefore": lastUpdatedBefore,
            "scheduleStartDate": scheduleStartDate,
            "scheduleEndDate": scheduleEndDate,
            "marketplaceIds": marketplaceIds,
            "asins": asins,
            "requiredSkills": requiredSkills,
            "storeIds": storeIds,
        }
        parts = windows.split_lists(filters)
        seen: set[str | None] = set()
        for part in parts:
            token: str | None = None
            while True:
                listing = (await self.get_service_jobs(**part, pageToken=token)).typed
                for job in listing.jobs or ():
                    # A job may have two orders, and stand in two parts.
                    if len(parts) > 1 and job.service_job_id in seen:
                        continue
                    if len(parts) > 1:
                        seen.add(job.service_job_id)
                    yield job
                token = listing.next_page_token
                if not token:
                    break

    # ---- appointments

    async def add_appointment_for_service_job_by_service_job_id(
        self, serviceJobId: str, *, appointmentTime: Body | None = None, body: Body | None = None
    ) -> ApiResponse[SetAppointmentResponse]:
        """Book an appointment: `appointmentTime` is {"startTime": …, "durationInMinutes": …}."""
        operation = "addAppointmentForServiceJobByServiceJobId"
        return await self._call(
            operation, {"serviceJobId": serviceJobId}, {}, body, {"appointmentTime": appointmentTime}
        )

    async def reschedule_appointment_for_service_job_by_service_job_id(
        self,
        serviceJobId: str,
        appointmentId: str,
        *,
        appointmentTime: Body | None = None,
        rescheduleReasonCode: str | None = None,
        body: Body | None = None,
    ) -> ApiResponse[SetAppointmentResponse]:
        """Move an appointment; it gets a new id."""
        return await self._call(
            "rescheduleAppointmentForServiceJobByServiceJobId",
            {"serviceJobId": serviceJobId, "appointmentId": appointmentId},
            {},
            body,
            {"appointmentTime": appointmentTime, "rescheduleReasonCode": rescheduleReasonCode},
        )

    reschedule_appointment_for_service_job_by_service_job_id_post = (
        reschedule_appointment_for_service_job_by_service_job_id
    )

    async def assign_appointment_resources(
        self,
        serviceJobId: str,
        appointmentId: str,
        *,
        resources: Iterable[AppointmentResource | Json] | None = None,
        body: Body | None = None,
    ) -> ApiResponse[AssignmentWarnings]:
        """Set the technicians of an appointment; `[{}]` takes all off."""
        return await self._call(
            "assignAppointmentResources",
            {"serviceJobId": serviceJobId, "appointmentId": appointmentId},
            {},
            body,
            {"resources": None if resources is None else list(resources)},
        )

    async def set_appointment_fulfillment_data(
        self,
        serviceJobId: str,
        appointmentId: str,
        *,
        estimatedArrivalTime: Body | None = None,
        fulfillmentTime: Body | None = None,
        appointmentResources: Iterable[AppointmentResource | Json] | None = None,
        fulfillmentDocuments: Iterable[FulfillmentDocument | Json] | None = None,
        body: Body | None = None,
    ) -> ApiResponse[None]:
        """Record expected arrival, times, technicians and proofs of an appointment."""
        return await self._call(
            "setAppointmentFulfillmentData",
            {"serviceJobId": serviceJobId, "appointmentId": appointmentId},
            {},
            body,
            {
                "estimatedArrivalTime": estimatedArrivalTime,
                "fulfillmentTime": fulfillmentTime,
                "appointmentResources": None if appointmentResources is None else list(appointmentResources),
                "fulfillmentDocuments": None if fulfillmentDocuments is None else list(fulfillmentDocuments),
            },
        )

    # ---- slots

    async def get_appointmment_slots_by_job_id(
        self,
        serviceJobId: str,
        *,
        marketplaceIds: Texts | None = None,
        startTime: Time | None = None,
        endTime: Time | None = None,
    ) -> ApiResponse[AppointmentSlotReport]:
        """List the slots on which a job's appointment can be booked: at most 90 days."""
        query = {"marketplaceIds": marketplaceIds, "startTime": startTime, "endTime": endTime}
        return await self._call("getAppointmmentSlotsByJobId", {"serviceJobId": serviceJobId}, query)

    get_appointment_slots_by_job_id = get_appointmment_slots_by_job_id

    async def get_appointment_slots(
        self,
        *,
        asin: str,
        storeId: str,
        marketplaceIds: Texts | None = None,
        startTime: Time | None = None,
        endTime: Time | None = None,
    ) -> ApiResponse[AppointmentSlotReport]:
        """List the slots of a service in a store: at most 90 days."""
        query = {
            "asin": asin,
            "storeId": storeId,
            "marketplaceIds": marketplaceIds,
            "startTime": startTime,
            "endTime": endTime,
        }
        return await self._call("getAppointmentSlots", {}, query)

    async def iter_appointment_slots_by_job_id(
        self,
        serviceJobId: str,
        *,
        marketplaceIds: Texts | None = None,
        startTime: Time | None = None,
        endTime: Time | None = None,
    ) -> AsyncIterator[AppointmentSlot]:
        """The slots of a window of any length, in order, each once."""
        last = ""
        for start, end in windows.split_window(startTime, endTime):
            answer = await self.get_appointmment_slots_by_job_id(
                serviceJobId, marketplaceIds=marketplaceIds, startTime=start, endTime=end
            )
            for slot in answer.typed.appointment_slots:
                if slot.start_time > last:
                    yield slot
                    last = slot.start_time

    async def iter_appointment_slots(
        self,
        *,
        asin: str,
        storeId: str,
        marketplaceIds: Texts | None = None,
        startTime: Time | None = None,
        endTime: Time | None = None,
    ) -> AsyncIterator[AppointmentSlot]:
        """The slots of a window of any length, in order, each once."""
        last = ""
        for start, end in windows.split_window(startTime, endTime):
            answer = await self.get_appointment_slots(
                asin=asin, storeId=storeId, marketplaceIds=marketplaceIds, startTime=start, endTime=end
            )
            for slot in answer.typed.appointment_slots:
                if slot.start_time > last:
                    yield slot
                    last = slot.start_time

    # ---- resources

    async def get_range_slot_capacity(
        self,
        resourceId: str,
        *,
        capacityTypes: Iterable[str] | None = None,
        startDateTime: Time | None = None,
        endDateTime: Time | None = None,
        marketplaceIds: Texts | None = None,
        nextPageToken: str | None = None,
        body: Body | None = None,
    ) -> ApiResponse[RangeSlotCapacity]:
        """Read a resource's capacity as runs of equal value, a page of them."""
        return await self._call(
            "getRangeSlotCapacity",
            {"resourceId": resourceId},
            {"marketplaceIds": marketplaceIds, "nextPageToken": nextPageToken},
            body,
            {
                "capacityTypes": None if capacityTypes is None else list(capacityTypes),
                "startDateTime": startDateTime,
                "endDateTime": endDateTime,
            },
        )

    async def get_fixed_slot_capacity(
        self,
        resourceId: str,
        *,
        capacityTypes: Iterable[str] | None = None,
        slotDuration: float | None = None,
        startDateTime: Time | None = None,
        endDateTime: Time | None = None,
        marketplaceIds: Texts | None = None,
        nextPageToken: str | None = None,
        body: Body | None = None,
    ) -> ApiResponse[FixedSlotCapacity]:
        """Read a resource's capacity slot by slot (minutes), a page of them."""
        return await self._call(
            "getFixedSlotCapacity",
            {"resourceId": resourceId},
            {"marketplaceIds": marketplaceIds, "nextPageToken": nextPageToken},
            body,
            {
                "capacityTypes": None if capacityTypes is None else list(capacityTypes),
                "slotDuration": slotDuration,
                "startDateTime": startDateTime,
                "endDateTime": endDateTime,
            },
        )

    async def iter_range_slot_capacity(
        self,
        resourceId: str,
        *,
        startDateTime: Time,
        endDateTime: Time,
        capacityTypes: Iterable[str] | None = None,
        marketplaceIds: Texts | None = None,
    ) -> AsyncIterator[RangeSlotCapacity]:
        """All pages of a capacity query."""
        asked = None if capacityTypes is None else list(capacityTypes)
        token: str | None = None
        while True:
            answer = await self.get_range_slot_capacity(
                resourceId,
                capacityTypes=asked,
                startDateTime=startDateTime,
                endDateTime=endDateTime,
                marketplaceIds=marketplaceIds,
                nextPageToken=token,
            )
            yield answer.typed
            token = answer.typed.next_page_token
            if not token:
                return

    async def iter_fixed_slot_capacity(
        self,
        resourceId: str,
        *,
        startDateTime: Time,
        endDateTime: Time,
        capacityTypes: Iterable[str] | None = None,
        slotDuration: float | None = None,
        marketplaceIds: Texts | None = None,
    ) -> AsyncIterator[FixedSlotCapacity]:
        """All pages of a capacity query."""
        asked = None if capacityTypes is None else list(capacityTypes)
        token: str | None = None
        while True:
            answer = await self.get_fixed_slot_capacity(
                resourceId,
                capacityTypes=asked,
                slotDuration=slotDuration,
                startDateTime=startDateTime,
                endDateTime=endDateTime,
                marketplaceIds=marketplaceIds,
                nextPageToken=token,
            )
            yield answer.typed
            token = answer.typed.next_page_token
            if not token:
                return

    async def update_schedule(
        self,
        resourceId: str,
        *,
        schedules: Iterable[Body] | None = None,
        marketplaceIds: Texts | None = None,
        body: Body | None = None,
    ) -> ApiResponse[list[UpdatedScheduleRecord]]:
        """Set when a resource works; answers the records that have warnings or errors."""
        return await self._call(
            "updateSchedule",
            {"resourceId": resourceId},
            {"marketplaceIds": marketplaceIds},
            body,
            {"schedules": None if schedules is None else list(schedules)},
        )

    async def create_reservation(
        self,
        *,
        resourceId: str | None = None,
        reservation: Body | None = None,
        marketplaceIds: Texts | None = None,
        body: Body | None = None,
    ) -> ApiResponse[ReservationRecord]:
        """Reserve time of a resource: `reservation` is {"type": …, "availability": {…}}."""
        return await self._call(
            "createReservation",
            {},
            {"marketplaceIds": marketplaceIds},
            body,
            {"resourceId": resourceId, "reservation": reservation},
        )

    async def update_reservation(
        self,
        reservationId: str,
        *,
        resourceId: str | None = None,
        reservation: Body | None = None,
        marketplaceIds: Texts | None = None,
        body: Body | None = None,
    ) -> ApiResponse[ReservationRecord]:
        """Replace a reservation; it gets a new id."""
        return await self._call(
            "updateReservation",
            {"reservationId": reservationId},
            {"marketplaceIds": marketplaceIds},
            body,
            {"resourceId": resourceId, "reservation": reservation},
        )

    async def cancel_reservation(self, reservationId: str, *, marketplaceIds: Texts | None = None) -> ApiResponse[None]:
        """Cancel a reservation."""
        query = {"marketplaceIds": marketplaceIds}
        return await self._call("cancelReservation", {"reservationId": reservationId}, query)

    # ---- documents

    async def create_service_document_upload_destination(
        self,
        *,
        contentType: str | None = None,
        contentLength: float | None = None,
        contentMD5: str | None = None,
        body: Body | None = None,
    ) -> ApiResponse[ServiceDocumentUploadDestination]:
        """Get a place and a key to upload a proof document; `upload_document` does it all."""
        given = {"contentType": contentType, "contentLength": contentLength, "contentMD5": contentMD5}
        return await self._call("createServiceDocumentUploadDestination", {}, {}, body, given)

    async def upload_document(
        self, source: "str | os.PathLike[str] | bytes", *, content_type: str | None = None
    ) -> FulfillmentDocument:
        """Encrypt a file (a path, or its bytes), upload it, and answer what `fulfillmentDocuments` takes.

        The type is told by the first bytes unless given. Raises OSError, ValueError, SellingApiException."""
        document = await await_apart(uploads.load, source, content_type)
        answer = await self.create_service_document_upload_destination(
            contentType=document.content_type, contentLength=len(document.plain)
        )
        place = answer.typed
        content = await await_apart(uploads.encrypt, document, place.encryption_details)

        async def prepare() -> "httpx2.Request":
            return self._http.request("PUT", place.url, place.headers, content)

        # The same bytes at the same place: sending them twice is as good as once.
        put = await self._http.repeat(Attempts(self.retries, self._account.budget, True), prepare)
        if put.status >= 300:
            raise refused(put.status, errors_of(put.content), put.headers)
        return FulfillmentDocument(place.upload_destination_id, document.content_sha256)

    # ---- sending

    async def _call(
        self,
        operation_id: str,
        path: Json,
        query: Json | None = None,
        body: Body | None = None,
        given: Json | None = None,
    ) -> ApiResponse[Any]:
        operation = BY_ID[operation_id]
        asked: Json = query or {}
        if operation.needs_marketplace and not asked.get("marketplaceIds"):
            asked = {**asked, "marketplaceIds": self.marketplace_id}
        sent = members(operation, body, given) if given is not None else None
        request = build(operation, path, asked, sent, check=self.validate)
        answer = await self._send(request)
        return ApiResponse.of(operation, answer.status, answer.headers, answer.content)

    async def _send(self, request: Request) -> Answer:
        operation = request.operation
        more: dict[str, str] = {} if request.content is None else {"content-type": "application/json"}
        key = key_of(self.retries) if operation.changes else None
        if key is not None:
            more[IDEMPOTENCY_KEY] = key
        used = ""

        async def prepare() -> "httpx2.Request":
            nonlocal used
            await self._turn(operation)
            used = self.restricted_data_token or (await self._auth.get_auth()).access_token
            headers = {
                "x-amz-access-token": used,
                "x-amz-date": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()),
                "user-agent": _user_agent(),
                "accept-encoding": "gzip",
            }
            url = self.endpoint + request.target
            return self._http.request(operation.method, url, headers | more, request.content)

        def heard(answer: Answer) -> None:
            self._account.heard(operation, answer.status, answer.headers, self._http.clock.now())

        attempts = Attempts(self.retries, self._account.budget, may_repeat(operation, key))
        answer = await self._http.repeat(attempts, prepare, heard)
        if answer.status == 403 and self._may_renew(used, answer):
            # A token that ended before its time: nothing was done, so this is no repetition.
            answer = await self._http.repeat(attempts, prepare, heard)
        return answer

    async def _turn(self, operation: Operation) -> None:
        """Wait until the usage plan has room."""
        bucket = self._account.bucket(operation)
        wait = bucket.reserve(self._http.clock.now())
        if wait > 0:
            try:
                await self._http.clock.asleep(wait)
            except BaseException:
                bucket.give_back()
                raise

    def _may_renew(self, used: str, answer: Answer) -> bool:
        if self.restricted_data_token or not isinstance(self._auth, AsyncAccessTokenClient):
            return False
        errors = errors_of(answer.content)
        if not any(one.get("code") == "Unauthorized" for one in errors):
            return False
        return self._auth.refused(used, " ".join(str(one.get("details")) for one in errors).lower())


def _read_retries(given: "int | Retries | None") -> Retries:
    # Beside a constructor's argument of the same name the module's own would be out of reach.
    return retries.read(given)


_agent = ""


def _user_agent() -> str:
    global _agent
    if not _agent:
        import platform

        import fieldserve

        _agent = f"fieldserve/{fieldserve.__version__} (Language=Python/{platform.python_version()})"
    return _agent
