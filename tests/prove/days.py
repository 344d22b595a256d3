"""Random days to plan, in which every rule of the problem appears."""

import math
import random

from fieldserve.planning import Problem, Travel, Visit, Worker

HOUR = 3_600
SKILLS = ("GAS", "TV", "TYRE")


def a_day(seed: int, visits: int = 30, workers: int = 5) -> Problem:
    """A day with that many visits and workers, who live around a town thirty kilometres wide."""
    chance = random.Random(seed)
    points = [(chance.uniform(0, 30), chance.uniform(0, 30)) for _ in range(visits + workers)]
    metres = [[round(1000 * math.dist(one, other)) for other in points] for one in points]

    def seconds(factor: float) -> list[list[int]]:
        return [[round(factor * 0.09 * way) for way in row] for row in metres]

    hours = (seconds(1.0), seconds(1.4), seconds(1.1))
    travel = Travel((0, 7 * HOUR, 10 * HOUR), hours, metres) if seed % 4 else Travel.always(hours[0], metres)
    crew = tuple(_worker(chance, number, visits) for number in range(workers))
    return Problem(crew, tuple(_visit(chance, number, workers) for number in range(visits)), travel)


def _worker(chance: random.Random, number: int, visits: int) -> Worker:
    begins = chance.choice([8, 9, 10]) * HOUR
    pause = begins + chance.choice([3, 4]) * HOUR
    return Worker(
        f"w{number}",
        visits + number,
        visits + number,
        (begins, begins + 8 * HOUR),
        off=((pause, pause + chance.choice([1800, HOUR])),) if chance.random() < 0.6 else (),
        skills=frozenset(chance.sample(SKILLS, chance.choice([1, 2, 3]))),
        locations=frozenset({"IN_HOME"}),
        stores=frozenset({"s1"} if chance.random() < 0.7 else {"s1", "s2"}),
        overtime=chance.choice([0, 0, 1800]),
        longest=chance.choice([None, None, 9 * HOUR]),
        commute=chance.choice(["outside", "inside"]),
    )


def _visit(chance: random.Random, number: int, workers: int) -> Visit:
    first = chance.choice(range(8, 17)) * HOUR
    windows = [(first, first + chance.choice([0, 1800, 7200]))]
    if chance.random() < 0.15:
        other = chance.choice(range(8, 17)) * HOUR
        windows.append((other, other + 1800))
    someone = frozenset({f"w{chance.randrange(workers)}"})
    kind = chance.random()
    return Visit(
        f"v{number}",
        number,
        tuple(windows),
        chance.choice([1800, 3600, 5400]),
        skills=frozenset({chance.choice(SKILLS)}) if chance.random() < 0.6 else frozenset(),
        location="IN_HOME",
        store=chance.choice(["s1", "s1", "s1", "s2"]),
        needs=2 if kind < 0.08 else 1,
        priority=chance.choice([1, 1, 2]),
        pinned=someone if 0.08 <= kind < 0.2 else frozenset(),
        fixed=first if 0.14 <= kind < 0.26 else None,
        frozen=0.14 <= kind < 0.2,
        before=chance.choice([0, 300, 600]),
        after=chance.choice([0, 600]),
        due=first + 600 if chance.random() < 0.3 else None,
        told=(first, first + 1800) if chance.random() < 0.3 else None,
        now=frozenset({f"w{chance.randrange(workers)}"}) if chance.random() < 0.3 else frozenset(),
    )
