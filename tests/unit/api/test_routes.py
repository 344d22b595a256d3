"""The tree of paths finds what the table says, and nothing else."""

import pytest

from fieldserve.api.routes import Routes
from fieldserve.wire.operations import OPERATIONS, Operation

ROUTES = Routes(OPERATIONS)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.id)
def test_every_operation(operation: Operation) -> None:
    """Each is found by its path, with what stands for its parameters."""
    names = [parameter.name for parameter in operation.parameters if parameter.where == "path"]
    values = {name: f"the {name}, é" for name in names}
    found, told = ROUTES.find(operation.path.format(**values))
    assert found[operation.method] is operation
    assert told == values


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "//",
        "/service",
        "/service/v1",
        "/service/v1/serviceJobs/a/b",
        "/service/v1/serviceJobs/a/appointments/",
    ],
)
def test_no_operation(path: str) -> None:
    """Too short, too long or other paths answer nothing; an empty id is an id."""
    found, _ = ROUTES.find(path)
    assert not found or path.endswith("/")


def test_empty_parameter() -> None:
    """An empty segment is the parameter's value, for the operation to refuse."""
    found, values = ROUTES.find("/service/v1/serviceJobs/")
    assert found["GET"].id == "getServiceJobByServiceJobId"
    assert values == {"serviceJobId": ""}
