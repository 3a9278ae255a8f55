"""Parcels from a file, dropped off and picked up through the real HTTP API, as couriers and kiosks do it.

`keys` creates the keys, `client` speaks HTTP, `day` drives the parcels, `outcome` compares the results with
the database and the messages. For development only: it also needs the database.
"""
