"""`fieldserve requests`: what was asked and answered, what is wrong with it, and how to send it again."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from fieldserve.cli.operate import _common, _print_all, _print_one, _run

if TYPE_CHECKING:
    from fieldserve.operations.run import Caller, Context

F = TypeVar("F", bound=Callable[..., Any])

_COLORS = {"error": "red", "warning": "yellow", "note": "cyan"}
_PLACES = ("data", "database")


def _filters(command: F) -> F:
    """Which requests: as the operator API filters them."""
    for option in (
        click.option("--findings/--no-findings", default=None, help="Only with findings of lint, or only without."),
        click.option("--text", help="With this text in path, query, body or answer."),
        click.option("--until", metavar="TIME", help="Answered before this time."),
        click.option("--since", metavar="TIME", help="Answered at or after this time."),
        click.option("--job", "serviceJobId", metavar="ID", help="About this job."),
        click.option("--status", help="Answered with this status, such as 429 or 4xx."),
        click.option("--operation", "operationId", metavar="ID", help="Of this operation, or token."),
        click.option("--application", "applicationId", metavar="ID", help="Of this application."),
        click.option("--seller", "sellerId", metavar="ID", help="For this seller."),
    ):
        command = option(command)
    return command


def _values(given: dict[str, Any], limit: int) -> dict[str, Any]:
    """The filter's values, read as the operator API reads them. Raises ApiError."""
    from fieldserve.wire.operations import missing_or_invalid
    from fieldserve.wire.parameters import read
    from fieldserve.wire.request_log import REQUEST_FILTERS

    texts = {
        name: [str(value).lower() if isinstance(value, bool) else value]
        for name, value in given.items()
        if value is not None and name not in _PLACES
    }
    values, faults = read([one for one in REQUEST_FILTERS if one.name in texts], {}, texts)
    if faults:
        raise missing_or_invalid(faults)
    return values | {"limit": limit}


def _where(given: dict[str, Any]) -> dict[str, Any]:
    return {name: given[name] for name in _PLACES}


@click.group()
def requests() -> None:
    """The request log, which a sandbox keeps by itself and other servers with the setting request_log."""


@requests.command("list")
@_filters
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most that many, newest first.")
@_common
def requests_list(limit: int, as_json: bool, **given: Any) -> None:
    """List requests, the newest first."""
    from fieldserve.operations.request_log import list_requests

    async def use(context: "Context", _: "Caller") -> Any:
        return (await list_requests(context, _values(given, limit))).requests

    rows = _run(_where(given), use)
    if not as_json:
        rows = [{**row, "findings": [one["code"] for one in row.get("findings", ())]} for row in rows]
    columns = ("at", "requestId", "operationId", "status", "milliseconds", "sellerId", "findings")
    _print_all(rows, as_json, columns, limit)


@requests.command("show")
@click.argument("request_id", metavar="REQUEST")
@_common
def requests_show(request_id: str, as_json: bool, **given: Any) -> None:
    """Show a request and its answer, masked, with what lint found."""
    from fieldserve.operations.request_log import get_request

    shown = _run(given, lambda context, _: get_request(context, request_id))
    findings = [] if as_json else shown.pop("findings", [])
    _print_one(shown, as_json)
    for one in findings:
        _tell(one)


@requests.command("lint")
@_filters
@click.option(
    "--limit", type=click.IntRange(1, 5000), default=1000, show_default=True, help="How many requests to look at."
)
@click.option("--fail", is_flag=True, help="End with 1 where there are errors or warnings, for a build.")
@_common
def requests_lint(limit: int, fail: bool, as_json: bool, **given: Any) -> None:
    """Hold the newest requests against what Amazon refuses, ignores or advises against."""
    from fieldserve.operations.request_log import lint_requests

    async def use(context: "Context", _: "Caller") -> Any:
        return await lint_requests(context, _values(given, limit))

    report = _run(_where(given), use)
    if as_json:
        _print_one(report, True)
    else:
        for one in report["findings"]:
            _tell(one)
        click.echo(f"{len(report['findings'])} findings in {report['requests']} requests")
    if fail and any(one["severity"] != "note" for one in report["findings"]):
        raise SystemExit(1)


def _tell(one: dict[str, Any]) -> None:
    click.secho(f"{one['severity']:<7} {one['code']}", fg=_COLORS[one["severity"]], nl=False)
    click.echo(f"  {one['place']}: {one['message']}")
    click.echo(f"        send {one['send']}")
    if ids := one.get("requestIds"):
        click.echo(f"        in {', '.join(ids[:3])}" + (" …" if len(ids) > 3 else ""))


@requests.command("replay")
@click.argument("request_id", metavar="REQUEST")
@click.option(
    "--as", "form", type=click.Choice(["curl", "python"]), default="curl", show_default=True, help="In which form."
)
@_common
def requests_replay(request_id: str, form: str, as_json: bool, **given: Any) -> None:
    """Print a request once more, as a command or a program; secrets are left to environment variables."""
    from fieldserve.operations.request_log import replay_request

    both = _run(given, lambda context, _: replay_request(context, request_id))
    if as_json:
        _print_one(both, True)
    else:
        click.echo(both[form], nl=False)
