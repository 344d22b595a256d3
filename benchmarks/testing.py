"""How long a test waits for its Services API: until the first world is there, and until each after it.

Prints milliseconds: the median and the greatest of `--rounds` worlds, within the process and on a socket, each after a
test that booked an appointment, and what the first call then takes.
"""

import argparse
import statistics
import time

from fieldserve.testing import ServicesApi, running_services_api


def dirty(api: ServicesApi) -> None:
    slots = api.client.get_appointment_slots_by_job_id("job-1").payload["appointmentSlots"]
    start = next(slot["startTime"] for slot in slots if slot["capacity"] > 0)
    api.client.add_appointment_for_service_job_by_service_job_id("job-1", appointmentTime={"startTime": start})


def measure(socket: bool, rounds: int) -> None:
    begun = time.perf_counter()
    with running_services_api(socket=socket) as api:
        first = (time.perf_counter() - begun) * 1e3
        worlds, calls = [], []
        for _ in range(rounds):
            dirty(api)
            begun = time.perf_counter()
            api.reset()
            worlds.append((time.perf_counter() - begun) * 1e3)
            begun = time.perf_counter()
            api.client.get_service_job_by_service_job_id("job-1")
            calls.append((time.perf_counter() - begun) * 1e3)
        name = "on a socket" if socket else "in process"
        told = [first, statistics.median(worlds), max(worlds), statistics.median(calls)]
        print(f"{name:14}" + "".join(f"{one:12.1f}" for one in told))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=50)
    rounds = parser.parse_args().rounds
    print(f"{'milliseconds':14}{'the first':>12}{'each after':>12}{'at most':>12}{'first call':>12}")
    for socket in (False, True):
        measure(socket, rounds)


if __name__ == "__main__":
    main()
