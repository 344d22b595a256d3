"""The Services API for unittest."""

import unittest
from contextlib import ExitStack
from typing import ClassVar

from fieldserve.sandbox.scenario import SMALL
from fieldserve.testing.running import Options, ServicesApi, running_services_api


class Pool:
    """Services APIs that run for as long as tests do: one for each set of options, made when first asked for."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._running: dict[Options, ServicesApi] = {}

    @property
    def is_open(self) -> bool:
        """Whether any runs."""
        return bool(self._running)

    def fresh(self, options: Options) -> ServicesApi:
        """A Services API at its beginning. Raises ScenarioFault."""
        found = self._running.get(options)
        if found is None:
            running = running_services_api(
                options.scenario,
                seed=options.seed,
                socket=options.socket,
                published_limits=options.published_limits,
            )
            found = self._running[options] = self._stack.enter_context(running)
        found.reset()
        return found

    def close(self) -> None:
        """Stop them all."""
        self._stack.close()
        self._running.clear()


_pool = Pool()


class ServicesApiTestCase(unittest.TestCase):
    """`self.services_api` is a Services API at its beginning for each test; class attributes are those of Options."""

    scenario: ClassVar[str] = SMALL
    seed: ClassVar[int] = 7
    socket: ClassVar[bool] = False
    published_limits: ClassVar[bool] = False

    services_api: ServicesApi

    def setUp(self) -> None:
        super().setUp()
        if not _pool.is_open:
            # At the interpreter's own end it would be too late: threads no longer take work.
            unittest.addModuleCleanup(_pool.close)
        self.services_api = _pool.fresh(Options(self.scenario, self.seed, self.socket, self.published_limits))
