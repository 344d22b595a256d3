"""Test an integration: a Services API of one's own for each test, with its clock, faults, snapshots and request log.

With pytest the fixture `services_api` is there as soon as fieldserve[server] is installed:

    def test_books_the_first_slot(services_api):
        services_api.freeze("2027-03-01T15:00:00Z")
        book_first_slot(services_api.client, "job-1")
        assert services_api.client.get_service_job_by_service_job_id("job-1").payload["appointments"]

Elsewhere `running_services_api` is a context manager of the same, and `ServicesApiTestCase` has it for unittest.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fieldserve.testing.case import ServicesApiTestCase
    from fieldserve.testing.running import ServicesApi, running_services_api

__all__ = ["ServicesApi", "ServicesApiTestCase", "running_services_api"]


def __getattr__(name: str) -> Any:
    """Imported when first named: pytest loads this package wherever it is installed, the server's packages or not."""
    if name == "ServicesApiTestCase":
        from fieldserve.testing.case import ServicesApiTestCase

        return ServicesApiTestCase
    if name in ("ServicesApi", "running_services_api"):
        from fieldserve.testing import running

        return getattr(running, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
