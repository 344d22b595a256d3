"""How long it takes from one place to another, and where an address is.

places.py        places on the earth, and how far they lie apart
matrix.py        travel times between many places, by the hour of departure
great_circle.py  the source that needs nobody: distance, a road factor, speeds by the hour
services.py      sources that ask a routing service: OSRM, Valhalla, and any other through a small interface
asking.py        one request of such a service: within a time limit, and told in words when it fails
geocoding.py     services that find the place of an address

Nothing here keeps anything: caches are the operations' affair, which have a database.
"""
