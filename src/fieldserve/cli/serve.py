"""`fieldserve serve`, and how the server's processes are started."""

import asyncio
import gc
import os
import signal
import socket
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import click

from fieldserve.cli import fail
from fieldserve.cli.migrate import upgrade
from fieldserve.cli.options import settings, where_data_is, where_to_listen
from fieldserve.config import Settings

START_WITHIN = 10
"""Seconds that a PostgreSQL which is starting, too, is waited for."""
STOP_WITHIN = 30
"""Seconds that requests in flight get when the server is told to end."""


@click.command()
@where_to_listen
@where_data_is
@click.option(
    "--workers", type=click.IntRange(1), default=1, show_default=True, help="Processes; more than 1 takes PostgreSQL."
)
@click.option(
    "--sandbox",
    type=click.Choice(["off", "static", "dynamic"]),
    help="static: answer the published cases; dynamic: a clock, faults and states to set.  [default: off]",
)
@click.option("--scenario", "sandbox_scenario", help="For a dynamic sandbox: what it begins with, a file or `small`.")
@click.option("--seed", "sandbox_seed", type=click.IntRange(0), help="For a dynamic sandbox: what its ids come from.")
@click.option(
    "--compat",
    type=click.Choice(["strict", "tolerant"]),
    help="tolerant: accept what well-known clients misplace, and log it.  [default: strict]",
)
def serve(workers: int, **given: object) -> None:
    """Serve the API, until it is interrupted."""
    chosen = settings(**given)
    if workers > 1 and chosen.database_url.startswith("sqlite"):
        fail("SQLite takes one process; give --database postgresql://… for --workers greater than 1")
    if workers > 1 and chosen.sandbox == "dynamic":
        fail("a dynamic sandbox takes one process: its clock and its faults are that process's")
    _refuse_scenario(chosen)
    run(
        chosen,
        workers,
        lambda base: click.echo(f"fieldserve serves {base}\n  try it   {base}/docs\n  ready?   {base}/readyz"),
    )


def _refuse_scenario(chosen: Settings) -> None:
    """End with a message where the scenario is none, before anything is started."""
    if not chosen.sandbox_scenario:
        return
    if chosen.sandbox != "dynamic":
        fail("a scenario is for a dynamic sandbox: add --sandbox dynamic")
    from fieldserve.sandbox.scenario import ScenarioFault, read_scenario

    try:
        read_scenario(chosen.sandbox_scenario)
    except ScenarioFault as fault:
        fail(str(fault))


def run(chosen: Settings, workers: int, ready: Callable[[str], None]) -> None:
    """Serve until interrupted. `ready` gets the base URL as soon as the server answers."""
    from granian.constants import Interfaces
    from granian.http import HTTP1Settings
    from granian.server.mp import MPServer

    port = chosen.port or _free_port(chosen.host)
    refuse_taken(chosen.host, port)
    _wait_for_database(chosen.database_url)
    base = chosen.public_url or f"http://{_shown(chosen.host)}:{port}"
    _hand_over(chosen, port)
    _load_application()
    _hold_signals_while_forking()
    announce = threading.Thread(
        target=_announce, args=(f"http://{_shown(chosen.host)}:{port}", base, ready), daemon=True
    )

    class Announced(MPServer):
        """Looks for the answer when the processes are there: forked beside a thread, they could inherit its locks."""

        def startup(self, *args: Any) -> None:
            super().startup(*args)  # type: ignore[no-untyped-call]
            announce.start()

    server = Announced(
        "fieldserve.app:server",
        factory=True,
        interface=Interfaces.ASGI,
        address=chosen.host,
        port=port,
        workers=workers,
        http1_settings=HTTP1Settings(header_read_timeout=chosen.request_timeout * 1000),
        log_level=chosen.log_level,  # type: ignore[arg-type]
        log_access=False,
        respawn_failed_workers=workers > 1,
        workers_kill_timeout=STOP_WITHIN,
    )
    # What several processes count is put together from files; see the documentation of prometheus-client.
    with tempfile.TemporaryDirectory(prefix="fieldserve-metrics-", ignore_cleanup_errors=True) as counted:
        if workers > 1:
            os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", counted)
        server.serve()


def _load_application() -> None:
    """Import it once for all processes, which are forked from this one: each is ready sooner, one that takes another's
    place, too, and they share the memory."""
    gc.disable()  # nothing of it is ever garbage, and looking for that takes a fifth of the time
    import fieldserve.app  # noqa: F401

    gc.freeze()
    gc.enable()


def _hold_signals_while_forking() -> None:
    """A process that is told to end before it serves would swallow that: it is born with its parent's handlers, which
    mean nothing in it. So the signals wait, and `app.Server` lets them in when it serves."""
    ending = {signal.SIGTERM, signal.SIGINT}
    os.register_at_fork(
        before=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, ending),
        after_in_parent=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, ending),
    )


def _wait_for_database(url: str) -> None:
    """Migrate once for all processes, as soon as the database answers; some seconds are given to one that starts."""
    from fieldserve.store.engine import Unavailable

    until = time.monotonic() + (START_WITHIN if url.startswith("postgres") else 0)
    while True:
        try:
            asyncio.run(upgrade(url))
            return
        except ValueError as fault:
            fail(str(fault))
        except Unavailable as fault:
            if time.monotonic() >= until:
                fail(str(fault))
            time.sleep(1)


def _hand_over(chosen: Settings, port: int) -> None:
    # The server's processes read their settings as any process does: from the environment.
    for field in fields(Settings):
        value = port if field.name == "port" else getattr(chosen, field.name)
        os.environ[f"FIELDSERVE_{field.name.upper()}"] = ",".join(value) if isinstance(value, tuple) else str(value)


def _announce(probe: str, base: str, ready: Callable[[str], None]) -> None:
    for _ in range(600):
        try:
            with urllib.request.urlopen(f"{probe}/readyz", timeout=2):  # noqa: S310 (our own address)
                ready(base)
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def refuse_taken(host: str, port: int) -> None:
    """End with a message where somebody listens on that port already."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as fault:
            fail(f"cannot listen on {host}:{port}: {fault.strerror}; choose another with --port")


def _shown(host: str) -> str:
    return "127.0.0.1" if host in ("0.0.0.0", "::", "") else f"[{host}]" if ":" in host else host  # noqa: S104
