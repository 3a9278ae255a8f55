"""The recipient's own page of a package, which a link in a message leads to (`messaging/links.py`).

Looking changes nothing: mail programs and scanners open links of their own accord. A token that is wrong, one
that has ended and one that never was are answered alike.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone, translation
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from common.clock import database_now
from notifications.templatetags.message_dates import day_and_time
from notifications.text.rendering import language
from packages_app import errors, operations
from packages_app.core.actor import Actor
from packages_app.messaging import links, preferences
from packages_app.models import Package

RECIPIENT = Actor(name="recipient")


class LongerForm(forms.Form):
    """How much longer, of a package as it was when the page was made: a form sent twice acts once."""

    hours = forms.TypedChoiceField(coerce=int)
    seen = forms.DateTimeField()

    def __init__(self, data: object, *, possible: list[int]) -> None:
        super().__init__(data)  # type: ignore[arg-type]
        field = self.fields["hours"]
        assert isinstance(field, forms.TypedChoiceField)
        field.choices = [(hours, str(hours)) for hours in possible]


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def parcel(request: HttpRequest, token: str) -> HttpResponse:
    """Where it lies and until when; a POST lets it wait longer, or says how to write to them."""
    now = database_now()
    package = links.find(token, now=now)
    if package is None:
        # Whose it was is not known, nor to be told: in the language of the browser.
        gone = {"network_name": settings.NETWORK_NAME}
        return _private(render(request, "packages/parcel_gone.html", gone, status=404))
    with translation.override(language(package.recipient.language)), timezone.override(package.location.zone):
        if request.method != "POST":
            response = _show(request, package)
        elif "write_by" in request.POST or "write_about" in request.POST:
            response = _choose(request, package)
        else:
            response = _extend(request, package, now)
    return _private(response)


def _private(response: HttpResponse) -> HttpResponse:
    response["X-Robots-Tag"] = "noindex, nofollow, noarchive"
    # Not "no-referrer": with that, browsers post forms with `Origin: null`, which CSRF protection refuses.
    response["Referrer-Policy"] = "same-origin"
    return response


def _show(request: HttpRequest, package: Package) -> HttpResponse:
    assert package.expires_at is not None
    downtime = package.location.downtime
    # While the clock stands, the end that it had is not the end that it will have.
    runs = package.status == Package.Status.STORED and package.held_at is None and downtime is None
    choices = [
        {
            "hours": hours,
            "days": hours // 24 if hours % 24 == 0 else 0,
            "until": None if downtime else timezone.localtime(package.expires_at + timedelta(hours=hours)),
        }
        for hours in links.hours_possible(package)
    ]
    context = {
        "network_name": settings.NETWORK_NAME,
        "until": timezone.localtime(package.expires_at) if runs else None,
        "package": package,
        "location": package.location,
        "downtime": downtime,
        "choices": choices,
        "write_by": preferences.channel_choice(package.recipient),
        "write_about": preferences.kinds_choice(package.recipient),
        "seen": package.updated_at.isoformat(),
    }
    return render(request, "packages/parcel.html", context)


def _extend(request: HttpRequest, package: Package, now: datetime) -> HttpResponse:
    form = LongerForm(request.POST, possible=links.hours_possible(package))
    if not form.is_valid():
        messages.error(request, gettext("Nothing was changed. Please look at what is possible below."))
        return redirect("parcel", token=links.token(package))
    try:
        longer = operations.extend(
            package_id=package.pk,
            by=RECIPIENT,
            now=now,
            hours=form.cleaned_data["hours"],
            seen=form.cleaned_data["seen"],
            tell=False,
        )
    except errors.Refusal as refusal:
        messages.error(request, _words(refusal))
    else:
        messages.success(request, _longer(longer))
    return redirect("parcel", token=links.token(package))


def _choose(request: HttpRequest, package: Package) -> HttpResponse:
    if "write_by" in request.POST:
        done = preferences.choose_channel(package.recipient, request.POST["write_by"])
    else:
        done = preferences.choose_kinds(package.recipient, request.POST["write_about"])
    if done:
        messages.success(
            request, gettext("Thank you. We write to you in this way about your next parcels too.")
        )
    else:
        messages.error(request, gettext("Nothing was changed. Please look at what is possible below."))
    return redirect("parcel", token=links.token(package))


def _longer(package: Package) -> str:
    assert package.expires_at is not None
    if package.location.downtime is not None:
        courier = {"courier_name": package.courier.name}
        return gettext("There is more time to collect your parcel from %(courier_name)s.") % courier
    until = day_and_time(timezone.localtime(package.expires_at))
    return gettext("Your parcel waits until %(until)s.") % {"until": until}


def _words(refusal: errors.Refusal) -> str:
    match refusal:
        case errors.ChangedMeanwhile():
            return gettext("Nothing was changed: there is news about your parcel. Please look below.")
        case errors.ExtensionLimit():
            return gettext("Nothing was changed: your parcel cannot wait that long here.")
    return gettext("Nothing was changed: your parcel can no longer be kept.")
