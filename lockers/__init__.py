"""Locations, lockers and compartments. This package knows nothing about packages in them."""
