"""The demo world: two sellers, five stores, 24 technicians, and two months of work, made through the operations.

cast.py     who and what is there           plan.py    what is going to be wished for, from the seed and the day
places.py   addresses and buyers            lives.py   the life of a job, from the order to its end
roster.py   who is free when                walk.py    the clock that walks from deed to deed
proofs.py   proof documents                 build.py   all of it together
"""

from fieldserve.sandbox.demo.build import SEED, Access, Made, build, clock_of, identifiers

__all__ = ["SEED", "Access", "Made", "build", "clock_of", "identifiers"]
