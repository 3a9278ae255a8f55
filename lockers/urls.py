"""URLs of the managers' pages about lockers; `lockerportal/urls.py` includes them in `manage`."""

from __future__ import annotations

from django.urls import path, register_converter

from lockers import views


class LocationCode:
    """A path converter for location codes; anything else is not looked up."""

    regex = "[A-Za-z0-9][A-Za-z0-9._-]*"

    def to_python(self, value: str) -> str:
        """Return the code unchanged."""
        return value

    def to_url(self, value: str) -> str:
        """Return the code unchanged."""
        return value


register_converter(LocationCode, "location_code")

urlpatterns = [
    path("locations/<location_code:code>/", views.location, name="location"),
]
