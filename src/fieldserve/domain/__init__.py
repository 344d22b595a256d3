"""Values and pure functions: what a resource can do, and when. No I/O, no clock, no ids made here."""
