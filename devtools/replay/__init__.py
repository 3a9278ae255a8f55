"""Parcels of a file, brought and collected through the real HTTP API as couriers and kiosks do it.

`keys` makes the keys, `client` speaks HTTP, `day` drives the parcels, `outcome` compares what came of them
with the database and the messages. For development: it needs the database too.
"""
