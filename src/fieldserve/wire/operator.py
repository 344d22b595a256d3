"""The table of the operator API: routes, the OpenAPI document and the reference come from it.

What Amazon's side does, and the Services API has no operation for: setting up sellers, stores, technicians and
services, placing orders, holding and ending jobs, admitting applications, reading the event log.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import msgspec

from fieldserve.wire import (
    applications,
    events,
    jobs,
    mirrors,
    operator_keys,
    orders,
    places,
    plans,
    privacy,
    request_log,
    sellers,
    services,
    slots,
    stores,
    technicians,
    users,
)
from fieldserve.wire.errors import (
    BODY_TOO_LARGE,
    INTERNAL_FAILURE,
    MISSING_OR_INVALID,
    SERVICE_UNAVAILABLE,
    WRONG_CONTENT_TYPE,
    Says,
)
from fieldserve.wire.limits import AFTER, LIMIT
from fieldserve.wire.operator_keys import UNKNOWN_KEY
from fieldserve.wire.parameters import Parameter
from fieldserve.wire.retries import KEY_REUSED

PREFIX = "/operator/v1"
KEY_HEADER = "x-operator-key"


@dataclass(frozen=True)
class OperatorRoute:
    """One call of the operator API. `own_errors` come on top of those said everywhere."""

    id: str
    method: Literal["GET", "POST", "PATCH", "DELETE"]
    path: str
    status: int
    summary: str
    parameters: tuple[Parameter, ...] = ()
    body: type[msgspec.Struct] | None = None
    answer: type[msgspec.Struct] | None = None
    own_errors: tuple[Says, ...] = ()

    @cached_property
    def errors(self) -> tuple[Says, ...]:
        """Every text that it can answer, its own first."""
        takes = (BODY_TOO_LARGE, *((WRONG_CONTENT_TYPE,) if self.body else ()))
        everywhere = (UNKNOWN_KEY, MISSING_OR_INVALID, *takes, INTERNAL_FAILURE, SERVICE_UNAVAILABLE)
        again = (KEY_REUSED, MISSING_OR_INVALID) if self.changes else ()
        return tuple(dict.fromkeys((*self.own_errors, *again, *everywhere)))

    @cached_property
    def changes(self) -> bool:
        """Whether it writes."""
        return self.method != "GET"

    @cached_property
    def tag(self) -> str:
        """The resource that it is about: the last noun of its path."""
        nouns = [part for part in self.path.removeprefix(PREFIX).split("/") if part and not part.startswith("{")]
        known = [noun for noun in nouns if noun in _TAGS]
        return _TAGS[known[-1]]

    @cached_property
    def name(self) -> str:
        """The id in snake_case."""
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", self.id).lower()


_TAGS = {
    "sellers": "Sellers",
    "stores": "Stores",
    "technicians": "Technicians",
    "services": "Services",
    "orders": "Orders",
    "jobs": "Jobs",
    "applications": "Applications",
    "authorizations": "Applications",
    "sign-in-codes": "Applications",
    "mirrors": "Mirrors",
    "outbox": "Mirrors",
    "plans": "Plans",
    "calendar-feeds": "Plans",
    "events": "Events",
    "requests": "Request log",
    "lint": "Request log",
    "keys": "Operator keys",
    "buyers": "Privacy",
    "privacy": "Privacy",
    "users": "Users",
}

_SELLER = PREFIX + "/sellers/{sellerId}"
_STORE = _SELLER + "/stores/{storeId}"
_TECHNICIAN = _SELLER + "/technicians/{technicianId}"
_SERVICE = _SELLER + "/services/{asin}"
_JOB = _SELLER + "/jobs/{serviceJobId}"
_ENTRY = PREFIX + "/outbox/{sequence}"
_PLAN = _SELLER + "/plans/{planId}"
_APPLICATION = PREFIX + "/applications/{applicationId}"

_OF_SELLER = (sellers.SELLER_ID,)
_PAGED = (AFTER, LIMIT)
_NO_SELLER = (applications.NO_SELLER,)
_DEED_ERRORS = (*_NO_SELLER, jobs.JOB_NOT_FOUND, orders.DEED_NOT_ALLOWED, mirrors.LIVES_ELSEWHERE)
_OF_PLAN = (*_OF_SELLER, plans.PLAN_ID)
_NO_PLAN = (*_NO_SELLER, plans.NO_PLAN)


def _deed(id_: str, path: str, summary: str) -> OperatorRoute:
    parameters = (*_OF_SELLER, orders.SERVICE_JOB_ID)
    return OperatorRoute(
        id_, "POST", f"{_JOB}/{path}", 200, summary, parameters, orders.JobDeed, orders.JobChange, _DEED_ERRORS
    )


OPERATOR_ROUTES: tuple[OperatorRoute, ...] = (
    OperatorRoute(
        "createSeller",
        "POST",
        PREFIX + "/sellers",
        201,
        "Add a seller.",
        (),
        sellers.CreateSeller,
        sellers.SellerRecord,
        (sellers.SELLER_EXISTS,),
    ),
    OperatorRoute(
        "listSellers", "GET", PREFIX + "/sellers", 200, "List sellers.", _PAGED, answer=sellers.SellerListing
    ),
    OperatorRoute(
        "getSeller", "GET", _SELLER, 200, "Read a seller.", _OF_SELLER, None, sellers.SellerRecord, _NO_SELLER
    ),
    OperatorRoute(
        "updateSeller",
        "PATCH",
        _SELLER,
        200,
        "Change a seller's name, marketplaces or settings.",
        _OF_SELLER,
        sellers.UpdateSeller,
        sellers.SellerRecord,
        (*_NO_SELLER, sellers.MARKETPLACE_IN_USE),
    ),
    OperatorRoute(
        "createStore",
        "POST",
        _SELLER + "/stores",
        201,
        "Add a store, with its opening hours if you like.",
        _OF_SELLER,
        stores.CreateStore,
        stores.StoreRecord,
        (*_NO_SELLER, stores.STORE_EXISTS),
    ),
    OperatorRoute(
        "listStores",
        "GET",
        _SELLER + "/stores",
        200,
        "List a seller's stores.",
        (*_OF_SELLER, *_PAGED),
        None,
        stores.StoreListing,
        _NO_SELLER,
    ),
    OperatorRoute(
        "getStore",
        "GET",
        _STORE,
        200,
        "Read a store.",
        (*_OF_SELLER, stores.STORE_ID),
        None,
        stores.StoreRecord,
        (*_NO_SELLER, stores.NO_STORE),
    ),
    OperatorRoute(
        "updateStore",
        "PATCH",
        _STORE,
        200,
        "Change a store; its marketplace stays.",
        (*_OF_SELLER, stores.STORE_ID),
        stores.UpdateStore,
        stores.StoreRecord,
        (*_NO_SELLER, stores.NO_STORE),
    ),
    OperatorRoute(
        "createTechnician",
        "POST",
        _SELLER + "/technicians",
        201,
        "Add a technician, with working hours if you like.",
        _OF_SELLER,
        technicians.CreateTechnician,
        technicians.TechnicianRecord,
        (*_NO_SELLER, technicians.TECHNICIAN_EXISTS),
    ),
    OperatorRoute(
        "listTechnicians",
        "GET",
        _SELLER + "/technicians",
        200,
        "List a seller's technicians.",
        (*_OF_SELLER, *_PAGED),
        None,
        technicians.TechnicianListing,
        _NO_SELLER,
    ),
    OperatorRoute(
        "getTechnician",
        "GET",
        _TECHNICIAN,
        200,
        "Read a technician.",
        (*_OF_SELLER, technicians.TECHNICIAN_ID),
        None,
        technicians.TechnicianRecord,
        (*_NO_SELLER, technicians.NO_TECHNICIAN),
    ),
    OperatorRoute(
        "updateTechnician",
        "PATCH",
        _TECHNICIAN,
        200,
        "Change a technician; appointments that are assigned stay so.",
        (*_OF_SELLER, technicians.TECHNICIAN_ID),
        technicians.UpdateTechnician,
        technicians.TechnicianRecord,
        (*_NO_SELLER, technicians.NO_TECHNICIAN),
    ),
    OperatorRoute(
        "createService",
        "POST",
        _SELLER + "/services",
        201,
        "Offer a service.",
        _OF_SELLER,
        services.CreateService,
        services.ServiceRecord,
        (*_NO_SELLER, services.SERVICE_EXISTS),
    ),
    OperatorRoute(
        "listServices",
        "GET",
        _SELLER + "/services",
        200,
        "List the services that a seller offers.",
        (*_OF_SELLER, *_PAGED),
        None,
        services.ServiceListing,
        _NO_SELLER,
    ),
    OperatorRoute(
        "getService",
        "GET",
        _SERVICE,
        200,
        "Read a service.",
        (*_OF_SELLER, services.ASIN),
        None,
        services.ServiceRecord,
        (*_NO_SELLER, services.NO_SERVICE),
    ),
    OperatorRoute(
        "updateService",
        "PATCH",
        _SERVICE,
        200,
        "Change a service; what is booked stays as it is.",
        (*_OF_SELLER, services.ASIN),
        services.UpdateService,
        services.ServiceRecord,
        (*_NO_SELLER, services.NO_SERVICE),
    ),
    OperatorRoute(
        "placeOrder",
        "POST",
        _SELLER + "/orders",
        201,
        "Order a service; the job that comes of it is PENDING_SCHEDULE.",
        _OF_SELLER,
        orders.PlaceOrder,
        orders.PlacedOrder,
        (*_NO_SELLER, orders.JOB_EXISTS),
    ),
    OperatorRoute(
        "listJobs",
        "GET",
        _SELLER + "/jobs",
        200,
        "List a seller's jobs in the order in which they came in.",
        (*_OF_SELLER, orders.STATUSES, orders.OF_STORE, *_PAGED),
        None,
        orders.OperatorJobListing,
        _NO_SELLER,
    ),
    OperatorRoute(
        "getJob",
        "GET",
        _JOB,
        200,
        "Read a job.",
        (*_OF_SELLER, orders.SERVICE_JOB_ID),
        None,
        jobs.ServiceJob,
        (*_NO_SELLER, jobs.JOB_NOT_FOUND),
    ),
    OperatorRoute(
        "setJobPlace",
        "POST",
        _JOB + "/place",
        200,
        "Tell where a job is: a pin on the map.",
        (*_OF_SELLER, orders.SERVICE_JOB_ID),
        places.SetJobPlace,
        places.JobPlace,
        (*_NO_SELLER, jobs.JOB_NOT_FOUND, places.PLACE_ERASED),
    ),
    OperatorRoute(
        "rankJobSlots",
        "GET",
        _JOB + "/ranked-slots",
        200,
        "List the slots of a job, those first that add the least travel to the day of whoever would come.",
        (*_OF_SELLER, orders.SERVICE_JOB_ID, slots.START_TIME, slots.END_TIME),
        None,
        plans.RankedSlots,
        (*_NO_SELLER, jobs.JOB_NOT_FOUND, slots.NOT_A_TIME, slots.NOT_AFTER, slots.TOO_LONG),
    ),
    OperatorRoute(
        "createPlan",
        "POST",
        _SELLER + "/plans",
        201,
        "Plan a day, or several: who goes where, in which order, and when they arrive. Nothing is changed yet.",
        _OF_SELLER,
        plans.CreatePlan,
        plans.PlanRecord,
        (*_NO_SELLER, stores.NO_STORE, plans.NOTHING_TO_PLAN),
    ),
    OperatorRoute(
        "listPlans",
        "GET",
        _SELLER + "/plans",
        200,
        "List a seller's plans, the newest first.",
        (*_OF_SELLER, plans.FIRST_DAY, *_PAGED),
        None,
        plans.PlanListing,
        _NO_SELLER,
    ),
    OperatorRoute(
        "comparePlans",
        "POST",
        _SELLER + "/plans/compare",
        200,
        "Put the figures of plans side by side.",
        _OF_SELLER,
        plans.ComparePlans,
        plans.PlanComparison,
        _NO_PLAN,
    ),
    OperatorRoute("getPlan", "GET", _PLAN, 200, "Read a plan.", _OF_PLAN, None, plans.PlanRecord, _NO_PLAN),
    OperatorRoute(
        "applyPlan",
        "POST",
        _PLAN + "/apply",
        200,
        "Assign, tell arrivals and book as the plan says, all or nothing.",
        _OF_PLAN,
        None,
        plans.Applied,
        (*_NO_PLAN, plans.NOT_A_DRAFT, plans.PLAN_OUTDATED, plans.PLAN_REFUSED),
    ),
    OperatorRoute(
        "undoPlan",
        "POST",
        _PLAN + "/undo",
        200,
        "Put back what applying a plan changed, except what has changed since.",
        _OF_PLAN,
        None,
        plans.Applied,
        (*_NO_PLAN, plans.NOT_APPLIED, plans.PLAN_REFUSED),
    ),
    OperatorRoute(
        "replan",
        "POST",
        _PLAN + "/replan",
        201,
        "Plan the rest of a day anew after something happened; what customers were told changes as little as can be.",
        _OF_PLAN,
        plans.Replan,
        plans.PlanRecord,
        (*_NO_PLAN, plans.NOT_APPLIED, plans.NOTHING_TO_PLAN),
    ),
    OperatorRoute(
        "explainPlan",
        "GET",
        _PLAN + "/explanation",
        200,
        "Say of each visit why this technician and time, what else there was, and which rule keeps others out.",
        (*_OF_PLAN, plans.OF_JOB),
        None,
        plans.PlanExplained,
        (*_NO_PLAN, plans.NOT_IN_PLAN),
    ),
    OperatorRoute(
        "exportPlan",
        "GET",
        _PLAN + "/export",
        200,
        "Get a plan as a file: a sheet to print, GeoJSON or CSV.",
        (*_OF_PLAN, plans.FORMAT, plans.OF_TECHNICIAN, plans.OF_PLANNED_STORE),
        None,
        plans.ExportedPlan,
        _NO_PLAN,
    ),
    OperatorRoute(
        "createCalendarFeed",
        "POST",
        _SELLER + "/calendar-feeds",
        201,
        "Give a technician's calendar a secret address; it is told this once.",
        _OF_SELLER,
        plans.CreateFeed,
        plans.FeedWithUrl,
        (*_NO_SELLER, technicians.NO_TECHNICIAN),
    ),
    OperatorRoute(
        "listCalendarFeeds",
        "GET",
        _SELLER + "/calendar-feeds",
        200,
        "List the calendars of a seller's technicians, revoked ones, too.",
        _OF_SELLER,
        None,
        plans.FeedListing,
        _NO_SELLER,
    ),
    OperatorRoute(
        "revokeCalendarFeed",
        "DELETE",
        _SELLER + "/calendar-feeds/{feedId}",
        204,
        "Refuse a calendar's address from now on.",
        (*_OF_SELLER, plans.FEED_ID),
        own_errors=(*_NO_SELLER, plans.NO_FEED),
    ),
    _deed("holdJob", "hold", "Put a job on HOLD; an active appointment is cancelled."),
    _deed("releaseJob", "release", "Return a job from HOLD to PENDING_SCHEDULE."),
    _deed("declineJobPayment", "decline-payment", "End a job whose payment was declined."),
    _deed("markJobNotFulfillable", "mark-not-fulfillable", "End a job that nobody can do."),
    _deed("cancelJobAsBuyer", "cancel-as-buyer", "Cancel a job as its buyer does."),
    OperatorRoute(
        "getJobSource",
        "GET",
        _JOB + "/source",
        200,
        "Read where a job's figures are from, and which nobody has told.",
        (*_OF_SELLER, orders.SERVICE_JOB_ID),
        None,
        mirrors.JobSource,
        (*_NO_SELLER, jobs.JOB_NOT_FOUND),
    ),
    OperatorRoute(
        "listMirrors",
        "GET",
        PREFIX + "/mirrors",
        200,
        "List what is mirrored, how far, and what is amiss.",
        answer=mirrors.MirrorListing,
    ),
    OperatorRoute(
        "listOutbox",
        "GET",
        PREFIX + "/outbox",
        200,
        "List the writes made here on jobs that live elsewhere.",
        mirrors.OUTBOX_PARAMETERS,
        answer=mirrors.OutboxListing,
    ),
    OperatorRoute(
        "retryOutboxEntry",
        "POST",
        _ENTRY + "/retry",
        200,
        "Send one of them again, at once.",
        (mirrors.SEQUENCE,),
        None,
        mirrors.OutboxEntry,
        (mirrors.NO_ENTRY, mirrors.NOT_TO_RETRY),
    ),
    OperatorRoute(
        "dropOutboxEntry",
        "POST",
        _ENTRY + "/drop",
        200,
        "Give up on one that waits; its job becomes again what the source tells.",
        (mirrors.SEQUENCE,),
        None,
        mirrors.OutboxEntry,
        (mirrors.NO_ENTRY, mirrors.NOT_TO_DROP),
    ),
    OperatorRoute(
        "createApplication",
        "POST",
        PREFIX + "/applications",
        201,
        "Register an application; its secret is told this once.",
        (),
        applications.CreateApplication,
        applications.ApplicationWithSecret,
    ),
    OperatorRoute(
        "listApplications",
        "GET",
        PREFIX + "/applications",
        200,
        "List applications.",
        answer=applications.ApplicationListing,
    ),
    OperatorRoute(
        "rotateApplicationSecret",
        "POST",
        _APPLICATION + "/secret",
        200,
        "Give an application another secret; the old one fails from now on.",
        (applications.APPLICATION_ID,),
        None,
        applications.ApplicationWithSecret,
        (applications.NO_APPLICATION, applications.DISABLED),
    ),
    OperatorRoute(
        "disableApplication",
        "POST",
        _APPLICATION + "/disable",
        204,
        "Refuse an application and all of its tokens from now on.",
        (applications.APPLICATION_ID,),
        own_errors=(applications.NO_APPLICATION,),
    ),
    OperatorRoute(
        "authorizeApplication",
        "POST",
        _SELLER + "/authorizations",
        201,
        "Let an application act for a seller; its refresh token is told this once.",
        _OF_SELLER,
        applications.Authorize,
        applications.AuthorizationWithToken,
        (*_NO_SELLER, applications.NO_APPLICATION, applications.DISABLED),
    ),
    OperatorRoute(
        "listAuthorizations",
        "GET",
        _SELLER + "/authorizations",
        200,
        "List all that a seller ever granted.",
        _OF_SELLER,
        None,
        applications.AuthorizationListing,
        _NO_SELLER,
    ),
    OperatorRoute(
        "revokeAuthorization",
        "DELETE",
        PREFIX + "/authorizations/{authorizationId}",
        204,
        "Refuse every token of an authorization from now on.",
        (applications.AUTHORIZATION_ID,),
        own_errors=(applications.NO_AUTHORIZATION,),
    ),
    OperatorRoute(
        "issueSignInCode",
        "POST",
        _SELLER + "/sign-in-codes",
        201,
        "Get a code with which the seller signs in to the consent page once.",
        _OF_SELLER,
        None,
        applications.SignInCode,
        _NO_SELLER,
    ),
    OperatorRoute(
        "listEvents",
        "GET",
        PREFIX + "/events",
        200,
        "Read the event log.",
        events.EVENT_PARAMETERS,
        answer=events.EventListing,
    ),
    OperatorRoute(
        "listRequests",
        "GET",
        PREFIX + "/requests",
        200,
        "Search the request log, the newest request first.",
        request_log.REQUEST_FILTERS,
        answer=request_log.RequestListing,
    ),
    OperatorRoute(
        "getRequest",
        "GET",
        PREFIX + "/requests/{requestId}",
        200,
        "Read a request and its answer, masked, with what lint found.",
        (request_log.REQUEST_ID,),
        None,
        request_log.RequestRecord,
        (request_log.NO_REQUEST,),
    ),
    OperatorRoute(
        "replayRequest",
        "GET",
        PREFIX + "/requests/{requestId}/replay",
        200,
        "Get a request once more, as curl and as Python.",
        (request_log.REQUEST_ID,),
        None,
        request_log.Replay,
        (request_log.NO_REQUEST,),
    ),
    OperatorRoute(
        "lintRequests",
        "GET",
        PREFIX + "/lint",
        200,
        "Hold the newest requests against what Amazon refuses, ignores or advises against.",
        request_log.LINT_FILTERS,
        answer=request_log.LintReport,
    ),
    OperatorRoute(
        "createOperatorKey",
        "POST",
        PREFIX + "/keys",
        201,
        "Make a key of this API; it is told this once.",
        (),
        operator_keys.CreateOperatorKey,
        operator_keys.OperatorKeyWithSecret,
    ),
    OperatorRoute(
        "listOperatorKeys",
        "GET",
        PREFIX + "/keys",
        200,
        "List the keys of this API, the revoked ones, too.",
        answer=operator_keys.OperatorKeyListing,
    ),
    OperatorRoute(
        "revokeOperatorKeys",
        "DELETE",
        PREFIX + "/keys/{name}",
        204,
        "Refuse every key of that name from now on.",
        (operator_keys.KEY_NAME,),
    ),
    OperatorRoute(
        "exportBuyer",
        "GET",
        PREFIX + "/buyers/{buyerId}",
        200,
        "Read everything held about a buyer, of all sellers.",
        (privacy.BUYER_ID,),
        None,
        privacy.BuyerExport,
    ),
    OperatorRoute(
        "eraseBuyer",
        "DELETE",
        PREFIX + "/buyers/{buyerId}",
        200,
        "Erase what is personal of a buyer's closed jobs, and their proof documents.",
        (privacy.BUYER_ID,),
        None,
        privacy.Erased,
    ),
    OperatorRoute(
        "purgePersonalData",
        "POST",
        PREFIX + "/privacy/purge",
        200,
        "Erase what is personal of jobs that closed so many days ago.",
        (),
        privacy.Purge,
        privacy.Erased,
    ),
    OperatorRoute(
        "createUser",
        "POST",
        PREFIX + "/users",
        201,
        "Add a person who uses the console.",
        (),
        users.CreateUser,
        users.UserWithPassword,
        (applications.NO_SELLER, users.USER_EXISTS),
    ),
    OperatorRoute(
        "listUsers",
        "GET",
        PREFIX + "/users",
        200,
        "List people who use the console, by login.",
        (users.OF_SELLER, *_PAGED),
        None,
        users.UserListing,
    ),
    OperatorRoute(
        "updateUser",
        "PATCH",
        PREFIX + "/users/{userId}",
        200,
        "Change a person's name or role, shut them out, or take their second factor away.",
        (users.USER_ID,),
        users.UpdateUser,
        users.UserRecord,
        (users.NO_USER,),
    ),
    OperatorRoute(
        "resetUserPassword",
        "POST",
        PREFIX + "/users/{userId}/password",
        200,
        "Make up another password, and end the person's sessions.",
        (users.USER_ID,),
        None,
        users.UserWithPassword,
        (users.NO_USER,),
    ),
)
