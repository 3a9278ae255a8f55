"""The recipient's page of a package, which links in messages lead to (`messaging/links.py`).

GET changes nothing, because mail programs and scanners open links by themselves. Invalid, expired and unknown
tokens get the same response.
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


class ExtendForm(forms.Form):
    """By how much to extend the hold of a package as the page showed it; a form sent twice acts once."""

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
    """Show where the package is and until when. A POST extends its hold or saves contact preferences."""
    now = database_now()
    package = links.find(token, now=now)
    if package is None:
        # The recipient is unknown and must stay so: the page is in the language of the browser.
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
    # With "no-referrer", browsers would post forms with `Origin: null`, which the CSRF protection rejects.
    response["Referrer-Policy"] = "same-origin"
    return response


def _show(request: HttpRequest, package: Package) -> HttpResponse:
    assert package.expires_at is not None
    downtime = package.location.downtime
    # While deadlines are paused, the current one will still change.
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
    form = ExtendForm(request.POST, possible=links.hours_possible(package))
    if not form.is_valid():
        messages.error(request, gettext("Nothing was changed. Please choose one of the options below."))
        return redirect("parcel", token=links.token(package))
    try:
        extended = operations.extend(
            package_id=package.pk,
            by=RECIPIENT,
            now=now,
            hours=form.cleaned_data["hours"],
            seen=form.cleaned_data["seen"],
            tell=False,
        )
    except errors.Refusal as refusal:
        messages.error(request, _explain(refusal))
    else:
        messages.success(request, _deadline(extended))
    return redirect("parcel", token=links.token(package))


def _choose(request: HttpRequest, package: Package) -> HttpResponse:
    if "write_by" in request.POST:
        done = preferences.choose_channel(package.recipient, request.POST["write_by"])
    else:
        done = preferences.choose_kinds(package.recipient, request.POST["write_about"])
    if done:
        messages.success(request, gettext("Thank you. We will use this setting for your next parcels too."))
    else:
        messages.error(request, gettext("Nothing was changed. Please choose one of the options below."))
    return redirect("parcel", token=links.token(package))


def _deadline(package: Package) -> str:
    assert package.expires_at is not None
    if package.location.downtime is not None:
        courier = {"courier_name": package.courier.name}
        return gettext("You have more time to pick up your parcel from %(courier_name)s.") % courier
    until = day_and_time(timezone.localtime(package.expires_at))
    return gettext("You can pick up your parcel until %(until)s.") % {"until": until}


def _explain(refusal: errors.Refusal) -> str:
    match refusal:
        case errors.ChangedMeanwhile():
            return gettext(
                "Your parcel has been updated in the meantime, so nothing was changed. Please see below."
            )
        case errors.ExtensionLimit():
            return gettext("Nothing was changed: your parcel cannot stay here that long.")
    return gettext("Nothing was changed: the pickup deadline can no longer be extended.")
