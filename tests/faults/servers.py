"""`fieldserve serve` as a process that a test may kill, as a whole and without a warning."""

import asyncio
import os
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.cluster import free_port
from tests.faults.line import Line, NoAnswer, NotSent

ROOT = Path(__file__).parents[2]


@dataclass
class Server:
    """One server on a port of its own, which it keeps when it is started again."""

    database_url: str
    folder: Path
    options: tuple[str, ...] = ()
    port: int = field(default_factory=free_port)
    process: asyncio.subprocess.Process | None = None

    async def start(self, ready_within: float = 30.0) -> None:
        """Start it, and wait until it is ready; 0 does not wait."""
        command = [sys.executable, "-c", "from fieldserve.cli import main; main()", "serve"]
        with (self.folder / f"server-{self.port}.log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *command,
                *("--data", str(self.folder), "--port", str(self.port), "--database", self.database_url),
                *self.options,
                stdout=log,
                stderr=log,
                cwd=ROOT,
                env=os.environ | {"FIELDSERVE_LOG_LEVEL": "warning"},
                start_new_session=True,
            )
        if ready_within:
            await self.ready(ready_within)

    async def ready(self, within: float, path: str = "/readyz") -> float:
        """Wait until it can serve (with /healthz: until it answers at all); answers how many seconds that took."""
        begun, line = time.monotonic(), Line(self.port, within=2)
        try:
            while time.monotonic() - begun < within:
                with suppress(NotSent, NoAnswer):
                    if (await line.ask("GET", path)).status == 200:
                        return time.monotonic() - begun
                await asyncio.sleep(0.05)
        finally:
            line.hang_up()
        raise AssertionError(f"the server is not ready after {within} s:\n{self.log()}")

    def log(self) -> str:
        """The end of what it wrote."""
        return (self.folder / f"server-{self.port}.log").read_text()[-4000:]

    async def kill(self) -> None:
        """End all of its processes at once, with nothing left for them to do."""
        await self._end(signal.SIGKILL)

    async def stop(self, within: float = 20.0) -> int:
        """Ask it to end, and wait; answers its exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self.process.wait(), within)

    async def _end(self, number: signal.Signals) -> None:
        if self.process is not None and self.process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)
            await self.process.wait()
