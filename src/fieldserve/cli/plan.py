"""`fieldserve plan`: days of routes, made, looked at, applied, undone, planned anew, explained and exported."""

import json
import signal
import threading
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fieldserve.cli import fail
from fieldserve.cli.operate import _ask, _common, _print_all, _print_one, _run, _told_once

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fieldserve.operations.run import Caller, Context

FORMATS = ("html", "geojson", "csv")
EVENTS = ("OVERRUN", "NO_SHOW", "ILLNESS", "EMERGENCY", "CANCELLATION")

_SELLER = click.option("--seller", help="The seller's id.  [default: the only one there is, or the store's]")
_SECONDS = click.option("--seconds", type=click.IntRange(1, 600), help="How long the solver may take.")
_ITERATIONS = click.option("--iterations", type=click.IntRange(min=1), help="Steps of the solver, instead of seconds.")
_SEED = click.option("--seed", type=click.IntRange(min=0), help="Same seed and iterations, same plan.  [default: 1]")
_FREEZE = click.option("--freeze", metavar="TIME", help="Nothing that starts before moves (ISO 8601).")


@click.group(invoke_without_command=True)
@click.option("--store", "stores", multiple=True, help="A store to plan; may be given several times.  [default: all]")
@click.option("--date", "day", metavar="YYYY-MM-DD", help="The first day, by the stores' own calendar.")
@click.option("--days", type=click.IntRange(1, 7), help="How many days.  [default: 1]")
@click.option("--waiting", is_flag=True, help="Plan jobs that wait to be scheduled, too, on times they prefer.")
@click.option(
    "--late", type=click.IntRange(0, 480), help="Minutes that work may begin later than booked.  [default: 15]"
)
@click.option("--overtime", type=click.IntRange(0, 480), help="Minutes that a day may last longer.  [default: 0]")
@click.option("--window", type=click.IntRange(1, 480), help="Minutes of the window told to customers.  [default: 30]")
@_FREEZE
@_SELLER
@_SECONDS
@_ITERATIONS
@_SEED
@click.option("--apply", "apply_too", is_flag=True, help="Apply it at once.")
@_common
@click.pass_context
def plan(
    ctx: click.Context,
    /,
    stores: tuple[str, ...],
    day: str | None,
    days: int | None,
    waiting: bool,
    late: int | None,
    overtime: int | None,
    window: int | None,
    freeze: str | None,
    seller: str | None,
    seconds: int | None,
    iterations: int | None,
    seed: int | None,
    apply_too: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Plan days: who goes where, in which order, and when they arrive.

    Without a subcommand, makes a plan for --date; nothing is changed until it is applied.
    """
    if ctx.invoked_subcommand is not None:
        return
    if day is None:
        raise click.UsageError("--date is needed to make a plan, such as --date 2026-03-02", ctx)

    async def use(context: "Context", caller: "Caller") -> Any:
        from fieldserve.operations.planning import create_plan
        from fieldserve.operations.plans import apply_plan
        from fieldserve.wire.plans import CreatePlan

        caller = await _for_seller(context, caller, seller, stores[0] if stores else None)
        asked = _ask(
            CreatePlan,
            firstDay=day,
            days=days,
            storeIds=stores,
            waiting=waiting or None,
            lateMinutes=late,
            overtimeMinutes=overtime,
            arrivalMinutes=window,
            freezeUntil=freeze,
            seconds=seconds,
            iterations=iterations,
            seed=seed,
        )
        with _progress() as told, _interruptible() as interrupted:
            record = await create_plan(context, caller, asked, told, interrupted)
        if apply_too:
            await apply_plan(context, caller, record.plan_id)
            record.status = "APPLIED"
        return record

    _print_plan(_run(given, use), as_json)


@plan.command("list")
@_SELLER
@click.option("--date", "day", metavar="YYYY-MM-DD", help="Plans that begin on that day only.")
@_common
def plan_list(seller: str | None, day: str | None, as_json: bool, **given: Any) -> None:
    """List plans, the newest first."""

    async def use(context: "Context", caller: "Caller") -> Any:
        from fieldserve.operations.plans import list_plans

        caller = await _for_seller(context, caller, seller)
        return await list_plans(context, caller, after=None, limit=100, first_day=day)

    rows = _run(given, use)["plans"]
    told = [row if as_json else _summary_row(row) for row in rows]
    _print_all(
        told, as_json, ("planId", "status", "firstDay", "days", "storeIds", "visits", "left out", "driving"), 100
    )


@plan.command()
@click.argument("plan_id", metavar="PLAN")
@_SELLER
@_common
def show(plan_id: str, seller: str | None, as_json: bool, **given: Any) -> None:
    """Show a plan: figures before and after, and each technician's day."""

    async def use(context: "Context", caller: "Caller") -> Any:
        from fieldserve.operations.plans import get_plan

        return await get_plan(context, await _for_seller(context, caller, seller, plan_id=plan_id), plan_id)

    _print_plan(_run(given, use), as_json)


@plan.command()
@click.argument("plan_ids", metavar="PLAN…", nargs=-1, required=True)
@_SELLER
@_common
def compare(plan_ids: tuple[str, ...], seller: str | None, as_json: bool, **given: Any) -> None:
    """Put the figures of plans side by side, beside those of what is assigned."""

    async def use(context: "Context", caller: "Caller") -> Any:
        from fieldserve.operations.plans import compare_plans

        caller = await _for_seller(context, caller, seller, plan_id=plan_ids[0])
        return await compare_plans(context, caller, plan_ids)

    answer = _run(given, use)
    if as_json:
        _print_one(answer, True)
        return
    columns = [("assigned", answer["before"]), *((one["planId"][:8], one["figures"]) for one in answer["plans"])]
    _print_figures(columns)


@plan.command("apply")
@click.argument("plan_id", metavar="PLAN")
@_SELLER
@_common
def apply_command(plan_id: str, seller: str | None, as_json: bool, **given: Any) -> None:
    """Assign, tell arrivals and book as the plan says, all or nothing."""

    async def use(context: "Context", caller: "Caller") -> Any:
        from fieldserve.operations.plans import apply_plan

        return await apply_plan(context, await _for_seller(context, caller, seller, plan_id=plan_id), plan_id)

    _print_one(_run(given, use), as_json)


@plan.command()
@click.argument("plan_id", metavar="PLAN")
@_SELLER
@_common
def undo(plan_id: str, seller: str | None, as_json: bool, **given: Any) -> None:
    """Put back what applying a plan changed, except what somebody has changed since."""

    async def use(context: "Context", caller: "Caller") -> Any:
        from fieldserve.operations.plans import undo_plan

        return await undo_plan(context, await _for_seller(context, caller, seller, plan_id=plan_id), plan_id)

    _print_one(_run(given, use), as_json)


@plan.command()
@click.argument("plan_id", metavar="PLAN")
@click.option("--event", "kind", type=click.Choice(EVENTS), required=True, help="What happened.")
@click.option("--job", "service_job_id", help="The job that it happened to.")
@click.option("--technician", "technician_id", help="The technician who is away.")
@click.option("--minutes", type=click.IntRange(1, 1440), help="How much longer the job takes.")
@click.option("--at", metavar="TIME", help="From when the technician is away (ISO 8601).  [default: now]")
@click.option("--until", metavar="TIME", help="Until when the job lasts, or has to be done.")
@_FREEZE
@_SELLER
@_SECONDS
@_ITERATIONS
@_SEED
@_common
def replan(
    plan_id: str,
    kind: str,
    service_job_id: str | None,
    technician_id: str | None,
    minutes: int | None,
    at: str | None,
    until: str | None,
    freeze: str | None,
    seller: str | None,
    seconds: int | None,
    iterations: int | None,
    seed: int | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Plan the rest of a day anew after something happened; what was told changes as little as can be."""

    async def use(context: "Context", caller: "Caller") -> Any:
        from fieldserve.operations.replanning import replan as replan_day
        from fieldserve.wire.plans import Replan

        caller = await _for_seller(context, caller, seller, plan_id=plan_id)
        told = {
            "kind": kind,
            "serviceJobId": service_job_id,
            "technicianId": technician_id,
            "minutes": minutes,
            "at": at,
            "until": until,
        }
        event = {name: value for name, value in told.items() if value is not None}
        asked = _ask(Replan, events=[event], freezeUntil=freeze, seconds=seconds, iterations=iterations, seed=seed)
        return await replan_day(context, caller, plan_id, asked)

    _print_plan(_run(given, use), as_json, changes=True)


@plan.command()
@click.argument("plan_id", metavar="PLAN")
@click.option("--job", "service_job_id", help="This visit only.")
@_SELLER
@_common
def explain(plan_id: str, service_job_id: str | None, seller: str | None, as_json: bool, **given: Any) -> None:
    """Say of each visit why this technician and time, and which rule keeps others out."""

    async def use(context: "Context", caller: "Caller") -> Any:
        from fieldserve.operations.planning import explain_plan

        caller = await _for_seller(context, caller, seller, plan_id=plan_id)
        return await explain_plan(context, caller, plan_id, service_job_id)

    answer = _run(given, use)
    if as_json:
        _print_one(answer, True)
        return
    for one in answer["visits"]:
        click.echo(f"{one['serviceJobId']}: {one['message']}")
        for other in one["alternatives"]:
            click.echo(f"    or {other['technicianId']} at {other['start']}: {other['extraSeconds']:+} s")
        for technician_id, why in one["refused"].items():
            click.echo(f"    not {technician_id}: {why}")
        if one.get("wouldFit"):
            click.echo(f"    it would fit: {one['wouldFit']}")


@plan.command()
@click.argument("plan_id", metavar="PLAN")
@click.option("--format", "file_format", type=click.Choice(FORMATS), default="html", show_default=True, help="Of what.")
@click.option("--technician", "technician_id", help="One technician's day only.")
@click.option("--store", "store_id", help="One store only.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="File.  [default: standard output]")
@_SELLER
@_common
def export(
    plan_id: str,
    file_format: str,
    technician_id: str | None,
    store_id: str | None,
    out: Path | None,
    seller: str | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Write a plan as a sheet to print (with a map), as GeoJSON or as CSV."""

    async def use(context: "Context", caller: "Caller") -> Any:
        from fieldserve.operations.plan_exports import export_plan

        caller = await _for_seller(context, caller, seller, plan_id=plan_id)
        return await export_plan(context, caller, plan_id, file_format, technician_id, store_id)

    answer = _run(given, use)
    if out is None:
        click.echo(json.dumps(answer, ensure_ascii=False) if as_json else answer["content"], nl=as_json)
        return
    try:
        out.write_text(answer["content"], "utf-8", newline="")
    except OSError as fault:
        fail(f"cannot write {out}: {fault.strerror}")
    click.echo(f"wrote {out}", err=True)


# ---- calendars


@plan.group()
def feeds() -> None:
    """Calendars of technicians, each under a secret address."""


@feeds.command("add")
@click.argument("technician")
@click.option("--url", "base", help="What technicians reach the server by.  [default: the setting public_url]")
@_SELLER
@_common
def feeds_add(technician: str, base: str | None, seller: str | None, as_json: bool, **given: Any) -> None:
    """Give a technician's calendar a secret address. It is printed this once."""

    async def use(context: "Context", caller: "Caller") -> Any:
        from fieldserve.operations.feeds import create_feed
        from fieldserve.wire.plans import CreateFeed

        caller = await _for_seller(context, caller, seller)
        chosen = context.settings
        address = base or chosen.public_url or f"http://{chosen.host}:{chosen.port}"
        return await create_feed(context, caller, _ask(CreateFeed, technicianId=technician), address)

    _print_one(_run(given, use), as_json)
    _told_once("url")


@feeds.command("list")
@_SELLER
@_common
def feeds_list(seller: str | None, as_json: bool, **given: Any) -> None:
    """List calendars, never their addresses."""

    async def use(context: "Context", caller: "Caller") -> Any:
        from fieldserve.operations.feeds import list_feeds

        return await list_feeds(context, await _for_seller(context, caller, seller))

    _print_all(_run(given, use)["feeds"], as_json, ("feedId", "technicianId", "createdAt", "revokedAt"))


@feeds.command("revoke")
@click.argument("feed")
@_SELLER
@_common
def feeds_revoke(feed: str, seller: str | None, as_json: bool, **given: Any) -> None:
    """Refuse a calendar's address from now on."""

    async def use(context: "Context", caller: "Caller") -> Any:
        from fieldserve.operations.feeds import revoke_feed

        await revoke_feed(context, await _for_seller(context, caller, seller), feed)
        return {"feedId": feed, "revoked": True}

    _print_one(_run(given, use), as_json)


# ---- places


@plan.command()
@click.argument("job")
@click.option("--latitude", type=float, required=True, help="Degrees.")
@click.option("--longitude", type=float, required=True, help="Degrees.")
@_SELLER
@_common
def place(job: str, latitude: float, longitude: float, seller: str | None, as_json: bool, **given: Any) -> None:
    """Tell where a job is."""

    async def use(context: "Context", caller: "Caller") -> Any:
        from fieldserve.operations.places import set_job_place
        from fieldserve.wire.places import SetJobPlace

        caller = await _for_seller(context, caller, seller)
        return await set_job_place(context, caller, job, _ask(SetJobPlace, latitude=latitude, longitude=longitude))

    _print_one(_run(given, use), as_json)


@plan.command()
@click.argument("job")
@click.option("--on/--off", "pinned", default=True, help="Pin it, or take the pin off.")
@_SELLER
@_common
def pin(job: str, pinned: bool, seller: str | None, as_json: bool, **given: Any) -> None:
    """Leave a job's appointment with its technicians whatever is planned."""

    async def use(context: "Context", caller: "Caller") -> Any:
        from fieldserve.operations.pins import set_pin
        from fieldserve.wire.pins import SetPin

        caller = await _for_seller(context, caller, seller)
        return await set_pin(context, caller, job, SetPin(pinned))

    _print_one(_run(given, use), as_json)


@plan.command()
@click.argument("store")
@click.option("--travel-aware/--plain", "aware", default=None, help="Leave time to get there and on, or do not.")
@click.option("--smart/--by-time", "smart", default=None, help="List those with the least driving first, or by time.")
@_SELLER
@_common
def slots(store: str, aware: bool | None, smart: bool | None, seller: str | None, as_json: bool, **given: Any) -> None:
    """Say how a store offers slots: those that can be driven to, the nearest first."""

    async def use(context: "Context", caller: "Caller") -> Any:
        from fieldserve.operations.stores import update_store
        from fieldserve.wire.stores import UpdateStore

        caller = await _for_seller(context, caller, seller, store)
        return await update_store(context, caller, store, _ask(UpdateStore, travelAwareSlots=aware, smartSlots=smart))

    _print_one(_run(given, use), as_json)


@plan.command("postal-codes")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--country", help="Two letters, where the file has no column for it.")
@_common
def postal_codes(file: Path, country: str | None, as_json: bool, **given: Any) -> None:
    """Read the centres of postal codes from CSV: country_code, postal_code, latitude, longitude."""

    async def use(context: "Context", _: "Caller") -> Any:
        from fieldserve.operations.places import import_postal_codes, read_postal_codes

        with file.open(encoding="utf-8-sig", newline="") as lines:
            codes = read_postal_codes(lines, country)
        return {"file": str(file), "postalCodes": await import_postal_codes(context, codes)}

    _print_one(_run(given, use), as_json)


# ---- whose plan it is


async def _for_seller(
    context: "Context", caller: "Caller", seller: str | None, store: str | None = None, plan_id: str | None = None
) -> "Caller":
    """The operator of the seller that was named, that has the store or the plan, or that is the only one."""

    from fieldserve.operations.sellers import sellers_with

    if seller is not None:
        return caller.of_seller(seller)
    found = await sellers_with(context, store, plan_id)
    if len(found) != 1:
        what = f"store {store}" if store else f"plan {plan_id}" if plan_id else "seller"
        raise ValueError(
            f"there are several sellers; say which with --seller ({', '.join(found)})"
            if found
            else f"there is no {what}"
        )
    return caller.of_seller(found[0])


# ---- how it looks


@contextmanager
def _progress() -> "Iterator[Callable[[str, float], None]]":
    """A bar on a terminal: what is done, and which share of it."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as shown:
        task = shown.add_task("Planning", total=1.0)
        yield lambda what, share: shown.update(task, description=what, completed=share)


@contextmanager
def _interruptible() -> "Iterator[Callable[[], bool]]":
    """The first Ctrl-C ends the search, and the best plan so far is taken; a second one ends the program."""
    asked = threading.Event()

    def on_interrupt(*_: object) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()
        click.echo("Taking the best plan so far; once more ends without one.", err=True)

    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGINT, before)


_FIGURES: tuple[tuple[str, str, Callable[[Any], str]], ...] = (
    ("visits", "visits", str),
    ("assigned", "assigned", str),
    ("left out", "unassigned", str),
    ("technicians", "technicians", str),
    ("driving", "travelSeconds", lambda value: _minutes(value)),
    ("road", "travelMetres", lambda value: f"{value / 1000:.1f} km"),
    ("on time", "onTime", lambda value: f"{value:.0%}"),
    ("late", "lateSeconds", lambda value: _minutes(value)),
    ("overtime", "overtimeSeconds", lambda value: _minutes(value)),
    ("time used", "utilisation", lambda value: f"{value:.0%}"),
    ("fairness", "fairness", lambda value: f"{value:.2f}"),
)


def _print_figures(columns: Sequence[tuple[str, dict[str, Any]]]) -> None:
    heads = [name for name, _ in columns]
    rows = [[label, *(show(figures[name]) for _, figures in columns)] for label, name, show in _FIGURES]
    widths = [max(len(row[at]) for row in [["", *heads], *rows]) for at in range(len(heads) + 1)]
    for row in [["", *heads], *rows]:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        click.echo("  ".join(cells).rstrip())


def _print_plan(record: dict[str, Any], as_json: bool, *, changes: bool = False) -> None:
    if as_json:
        _print_one(record, True)
        return
    click.echo(f"Plan {record['planId']} of {record['firstDay']}, {record['status']}\n")
    _print_figures([("assigned now", record["before"]), ("plan", record["figures"])])
    for day in record["days"]:
        _print_day(day)
    if changes:
        click.echo(f"\nChanges: {len(record['changes'])}")
        for one in record["changes"]:
            click.echo(f"  {one['serviceJobId']}: {', '.join(one['what'])}{_change(one)}")
    if record["status"] == "DRAFT":
        click.echo(f"\nNothing is changed yet: fieldserve plan apply {record['planId']}", err=True)


def _print_day(day: dict[str, Any]) -> None:
    click.echo(f"\n{day['date']}, {', '.join(day['storeIds'])}; times by the clock of {day['timeZone']}")
    for notice in day["notices"]:
        click.secho(notice, fg="yellow", err=True)
    for route in day["routes"]:
        driving = _minutes(route["travelSeconds"])
        leaves, returns = (_clock(route[name], day["timeZone"]) for name in ("leaves", "returns"))
        click.echo(f"\n  {route['technicianId']}: {leaves} to {returns}, driving {driving}")
        for stop in route["stops"]:
            arrival, start, end = (_clock(stop[name], day["timeZone"]) for name in ("arrival", "start", "end"))
            others = [one for one in stop["technicians"] if one != route["technicianId"]]
            beside = f" with {', '.join(others)}" if others else ""
            moved = "" if stop["technicians"] == stop["techniciansBefore"] else " *"
            click.echo(f"    {arrival}  {start}–{end}  {stop['serviceJobId']}{beside}{moved}")
    for one in day["leftOut"]:
        fit = f" ({one['wouldFit']})" if one.get("wouldFit") else ""
        click.echo(f"\n  left out: {one['serviceJobId']}: {one['message']}{fit}")
    if day["withoutPlace"]:
        click.echo(f"\n  without a place: {', '.join(day['withoutPlace'])}")


def _change(one: dict[str, Any]) -> str:
    parts = []
    if "TECHNICIANS" in one["what"]:
        before, after = (", ".join(one.get(name) or ()) or "nobody" for name in ("techniciansBefore", "technicians"))
        parts.append(f"{before} → {after}")
    if "TOLD" in one["what"] and one.get("told"):
        parts.append(f"expected from {one['told']['start']} to {one['told']['end']}")
    return f" ({'; '.join(parts)})" if parts else ""


def _summary_row(row: dict[str, Any]) -> dict[str, Any]:
    figures = row["figures"]
    return row | {
        "visits": figures["visits"],
        "left out": figures["unassigned"],
        "driving": _minutes(figures["travelSeconds"]),
    }


def _clock(text: str, zone: str) -> str:
    from zoneinfo import ZoneInfo

    from fieldserve.wire.times import parse, to_datetime

    return to_datetime(parse(text)).astimezone(ZoneInfo(zone)).strftime("%H:%M")


def _minutes(seconds: int) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"
