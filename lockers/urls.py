"""The manager's pages about doors; `lockerportal/urls.py` puts them into the namespace `manage`."""

from __future__ import annotations

from django.urls import path, register_converter

from lockers import views


class LocationCode:
    """What can be a location's code; anything else is not even looked up."""

    regex = "[A-Za-z0-9][A-Za-z0-9._-]*"

    def to_python(self, value: str) -> str:
        """As it is."""
        return value

    def to_url(self, value: str) -> str:
        """As it is."""
        return value


register_converter(LocationCode, "location_code")

urlpatterns = [
    path("locations/<location_code:code>/", views.location, name="location"),
]
