"""`fieldserve demo`"""

import asyncio
import multiprocessing
import os
import shlex
import shutil
import sys
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import click

from fieldserve.cli import fail
from fieldserve.cli.options import settings, where_to_listen
from fieldserve.config import Settings


@click.command()
@where_to_listen
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("fieldserve-demo"),
    show_default=True,
    help="Folder for the demo world and its credentials.",
)
@click.option("--reset", is_flag=True, help="Make the world anew, rooted at today, even if there is one.")
def demo(data: Path, reset: bool, **given: object) -> None:
    """Serve a demo world: two sellers with five stores and two months of work, ready to be called.

    It is made when there is none in the folder. Clients, secrets and ids are in credentials.json there.
    """
    from fieldserve.cli import serve
    from fieldserve.sandbox.demo import folder

    # The demo lives in its folder, whatever the environment says about a database or documents elsewhere.
    chosen = settings(**given, data=data, database="", documents="", sandbox="dynamic")
    if chosen.port:
        serve.refuse_taken(chosen.host, chosen.port)
    found = folder.look(data)
    if found.state == "foreign":
        fail(f"{data} holds a database that is not a demo's; choose another folder with --data")
    today = datetime.now(UTC).date()
    if found.state == "demo" and not reset:
        click.echo(f"The demo world of {found.day} in {data} is reused; --reset makes a new one.")
        if found.day != today:
            click.echo("It is older than today: less of it lies ahead. --reset makes one that is rooted at today.")
    else:
        _make_apart(chosen, today)

    def ready(base: str) -> None:
        click.echo(welcome(folder.tell_address(data, base), data / folder.CREDENTIALS))

    serve.run(chosen, 1, ready)


def _make_apart(chosen: Settings, today: date) -> None:
    """Make the world in a process of its own.

    What keeps documents starts threads, and the server's process is a fork of this one: it would believe them to be
    there, and wait for them at the first upload for ever."""
    process = multiprocessing.get_context("spawn").Process(target=_make_quietly, args=(chosen, today))
    process.start()
    try:
        process.join()
    except KeyboardInterrupt:
        process.join()  # it was interrupted, too, and tidies up
        raise
    if process.exitcode:
        sys.exit(process.exitcode)


def _make_quietly(chosen: Settings, today: date) -> None:
    try:
        make(chosen, today)
    except KeyboardInterrupt:
        sys.exit(130)


def make(chosen: Settings, today: date) -> None:
    """Make the world beside its place, show how far it is, and put it there when it is whole."""
    from fieldserve.sandbox.demo import SEED, folder
    from fieldserve.store.engine import Unavailable
    from fieldserve.store.keys import KeyFault

    draft: Path | None = None
    try:
        draft = folder.draft(chosen.data)
        made = asyncio.run(_build(replace(chosen, data=draft), today))
        folder.write_credentials(draft, made, chosen.reschedule_reason_codes, chosen.cancellation_reason_codes)
        folder.put_in_place(draft, chosen.data, SEED, today)
    except (OSError, Unavailable, KeyFault) as fault:
        fail(f"cannot make the demo world in {chosen.data}: {fault}")
    finally:
        if draft is not None:
            shutil.rmtree(draft, ignore_errors=True)


async def _build(chosen: Settings, today: date) -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from fieldserve.app import opened
    from fieldserve.sandbox import demo as world

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("days"))
    clock = world.clock_of(today)
    if not console.is_terminal:
        click.echo("Making the demo world; this takes some seconds.", err=True)
    with Progress(*columns, TimeElapsedColumn(), console=console, disable=not console.is_terminal) as shown:
        task = shown.add_task("Making the demo world", total=None)
        ids = world.identifiers(world.SEED, today)
        async with opened(chosen, clock=clock, ids=ids, durable=False) as context:
            return await world.build(
                context,
                clock,
                world.SEED,
                today,
                lambda done, days: shown.update(task, completed=done, total=days),
            )


def _program() -> str:
    """What to type for `fieldserve`: `make demo` leaves it in an environment that is on nobody's path."""
    return "fieldserve" if shutil.which("fieldserve") else os.path.relpath(Path(sys.prefix) / "bin" / "fieldserve")


def welcome(credentials: dict[str, Any], file: Path) -> str:
    """How to call the demo from Python and from a shell. What is printed can be pasted as it is."""
    endpoint = credentials["endpoint"]
    account, person = credentials["accounts"][0], credentials["people"][0]
    driver = next(one for one in credentials["people"] if one["role"] == "technician")
    path = str(file.absolute())
    tour = shlex.join([_program(), "tour", "--credentials", str(file)])
    return f"""
fieldserve demo: {endpoint}

  console           {endpoint}/console
  sign in as        {person["login"]}
  with password     {person["password"]}
  a technician's    {driver["login"]}
  day, password     {driver["password"]}

  try the API       {endpoint}/docs
  OpenAPI           {endpoint}/openapi.json
  credentials       {path}
  a guided tour     {tour}

From Python, with the official SDK (pip install amzn-sp-api):

{_python(path)}
From a shell:

{_shell(endpoint, account)}
"""


def _python(path: str) -> str:
    return f"""\
import json
from spapi import ServiceApi, SPAPIClient, SPAPIConfig

demo = json.load(open({path!r}))
account = demo["accounts"][0]
config = SPAPIConfig(account["client_id"], account["client_secret"], account["refresh_token"])
client = SPAPIClient(config, oauth_endpoint=demo["token_endpoint"], endpoint=demo["endpoint"])
service = ServiceApi(client.api_client)

pending = service.get_service_jobs(
    [account["marketplace_id"]],
    created_after="2020-01-01T00:00:00Z",
    service_job_status=["PENDING_SCHEDULE"],
    page_size=5,
).payload
print(pending.total_result_size, "jobs wait to be scheduled")
job = pending.jobs[0]
slots = service.get_appointmment_slots_by_job_id(job.service_job_id, [account["marketplace_id"]]).payload
free = [slot for slot in slots.appointment_slots if slot.capacity > 0]
print(job.scope_of_work.title, "could begin at", free[0].start_time)
"""


def _shell(endpoint: str, account: dict[str, Any]) -> str:
    return f"""\
TOKEN=$(curl -s {endpoint}/auth/o2/token \\
  -d grant_type=refresh_token \\
  --data-urlencode 'refresh_token={account["refresh_token"]}' \\
  -d client_id={account["client_id"]} \\
  -d client_secret={account["client_secret"]} |
  sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')

curl -sG {endpoint}/service/v1/serviceJobs \\
  -H "x-amz-access-token: $TOKEN" \\
  -d marketplaceIds={account["marketplace_id"]} \\
  -d createdAfter=2020-01-01T00:00:00Z \\
  -d serviceJobStatus=PENDING_SCHEDULE -d pageSize=1"""
