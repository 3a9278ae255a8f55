"""The home page and the favicon."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from packages_app.pages.kiosk import views as kiosk


@never_cache
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Redirect users to their pages, and show everybody else what this portal is."""
    if not request.user.is_authenticated:
        if kiosk.KEY in request.session:
            return redirect("kiosk:pad")  # a kiosk has no other way back
        return render(request, "home.html")
    return redirect("admin:index" if request.user.is_staff else "manage:locations")


@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    """Redirect to the icon, for pages that name none: those of the admin and the API's docs."""
    return redirect(static("icon.svg"))
