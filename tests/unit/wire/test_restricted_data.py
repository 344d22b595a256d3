"""What a restricted data token may be asked for."""

import pytest

from fieldserve.wire.errors import ApiError
from fieldserve.wire.operations import OPERATIONS, Operation
from fieldserve.wire.restricted_data import CreateRestrictedDataTokenRequest, RestrictedResource, read_resources

JOB = "/service/v1/serviceJobs/{serviceJobId}"


def asked(*resources: RestrictedResource) -> CreateRestrictedDataTokenRequest:
    return CreateRestrictedDataTokenRequest(restricted_resources=list(resources))


def refusal(request: CreateRestrictedDataTokenRequest) -> tuple[str, str | None]:
    with pytest.raises(ApiError) as caught:
        read_resources(request)
    assert caught.value.status == 400
    (fault,) = caught.value.faults
    return fault.message, fault.details


class TestReadResources:
    @pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.id)
    def test_every_operation_in_generic_form(self, operation: Operation) -> None:
        """Each operation's own template is a path that can be asked for."""
        resource = RestrictedResource(operation.method, operation.path)
        assert read_resources(asked(resource)) == [(operation.method, operation.path)]

    def test_ids_and_mixed(self) -> None:
        """A path may give all ids, or some and leave others open; percent-encoding is undone."""
        mixed = "/service/v1/serviceJobs/J%201/appointments/{appointmentId}/fulfillment"
        assert read_resources(
            asked(RestrictedResource("GET", "/service/v1/serviceJobs/J1"), RestrictedResource("PUT", mixed))
        ) == [("GET", "/service/v1/serviceJobs/J1"), ("PUT", mixed.replace("%20", " "))]

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "/orders/v0/orders/{orderId}"),
            ("GET", "/service/v1/serviceJobs/{orderId}"),
            ("POST", "/service/v1/serviceJobs/J1"),
            ("get", "/service/v1/serviceJobs/J1"),
            ("GET", "/service/v1/serviceJobs/"),
            ("GET", "/service/v1/serviceJobs/J1?x=1"),
            ("GET", "/service/v1/serviceJobs/J1/"),
            ("GET", "/service/v1/serviceJobs/J1%2Fx"),
            ("GET", "https://example.com/service/v1/serviceJobs/J1"),
        ],
    )
    def test_no_operation(self, method: str, path: str) -> None:
        """A method and path that no operation answers are refused."""
        message, _ = refusal(asked(RestrictedResource(method, path)))
        assert message == "Missing or invalid request parameters: [restrictedResources[0].path]"

    def test_count(self) -> None:
        """One to fifty resources; none and fifty-one are refused."""
        one = RestrictedResource("GET", JOB)
        assert len(read_resources(asked(*[one] * 50))) == 50
        for request in (CreateRestrictedDataTokenRequest(), asked(), asked(*[one] * 51)):
            assert refusal(request)[0] == "Missing or invalid request parameters: [restrictedResources]"

    def test_every_fault_is_named(self) -> None:
        """All that is wrong is told at once, each by its place."""
        message, details = refusal(
            asked(
                RestrictedResource(path=JOB),
                RestrictedResource("GET", JOB),
                RestrictedResource("GET", JOB, ["buyerInfo", "shoeSize"]),
                RestrictedResource("GET"),
            )
        )
        places = "restrictedResources[0].method, restrictedResources[2].dataElements, restrictedResources[3].path"
        assert message == f"Missing or invalid request parameters: [{places}]"
        assert details is not None
        assert "shoeSize" not in details

    def test_delegation(self) -> None:
        """A token for another application is not to be had; ignoring the wish would give it to this one."""
        request = CreateRestrictedDataTokenRequest("amzn1.sp.solution.x", [RestrictedResource("GET", JOB)])
        assert refusal(request)[0] == "Missing or invalid request parameters: [targetApplication]"
