"""Doors and places. This room has never heard of a package."""
