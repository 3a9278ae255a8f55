"""The kiosk's pages: connect it with its API key, enter a pickup code, see which door has opened.

No code appears in a URL, a session or a log: it is sent in the body of a POST, which is answered with a
redirect, so that the browser does not keep it either.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial, wraps
from math import ceil
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import messages
from django.contrib.sessions.backends.base import UpdateError
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import rotate_token
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from lockers import cabinets
from lockers.models import Compartment, Kiosk
from packages_app import errors, operations
from packages_app.core.actor import Caller
from packages_app.keys import checking, rate_limits
from packages_app.keys.addresses import client_address
from packages_app.keys.auth import note_failure
from packages_app.models import ApiKey
from packages_app.operations.packages.pick_up import TypedCode
from packages_app.pages.kiosk import language, nonce
from packages_app.pages.manager.forms import ConnectForm, PickupForm
from packages_app.payloads.results import Opened
from packages_app.secrets import pickup_codes

KEY, DOOR, PHONE_DAY = "kiosk_key", "kiosk_door", "kiosk_phone_day"
# A kiosk stays connected while its API key is valid, which every request checks.
STAYS_CONNECTED = timedelta(days=365)
# How long the page with the door is shown before the pad comes back for the next recipient.
SHOWS_DOOR_SECONDS = 30
LONGEST_TYPED = pickup_codes.DELEGATE_DIGITS

UNKNOWN = _(
    "This code does not open any door here. Check your message: are all digits correct, "
    "and is this the right location?"
)
EXPIRED = _("The time to pick up this parcel has ended. Please contact the courier that delivered it.")
ON_HOLD = _(
    "This parcel is on hold. Please contact the courier that delivered it. "
    "Your code will work again when the parcel is released."
)
PHONE = _("Please enter your code again, together with the last 4 digits of your phone number.")
BUSY = _("That took too long. Please try again.")

View = Callable[..., HttpResponse]


def connected(view: View) -> View:
    """Pass the kiosk's `Caller` to the view; redirect a browser without a valid key to the connect page."""

    @wraps(view)
    def page(request: HttpRequest) -> HttpResponse:
        key_pk, now = request.session.get(KEY), timezone.now()
        address = partial(client_address, request)
        caller = checking.caller_of(key_pk, now=now, client_address=address) if key_pk is not None else None
        if caller is None or not _is_screen(caller):
            request.session.pop(KEY, None)
            return redirect("kiosk:connect")
        with translation.override(language.current(request, timezone.now())):
            return view(request, caller)

    return sensitive_post_parameters()(never_cache(page))


@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def connect(request: HttpRequest) -> HttpResponse:
    """Connect this browser as the kiosk whose API key is entered."""
    form = ConnectForm(request.POST or None)
    if form.is_valid():
        key, address = form.cleaned_data["key"].strip(), partial(client_address, request)
        caller, why = checking.verify(key, now=timezone.now(), client_address=address)
        if caller is not None and _is_screen(caller):
            # A kiosk stands in public, so end the session of anybody who was signed in.
            request.session.flush()
            rotate_token(request)
            request.session[KEY] = caller.key_id
            request.session.set_expiry(int(STAYS_CONNECTED.total_seconds()))
            return redirect("kiosk:pad")
        try:
            note_failure(request, why or "no kiosk's")
        except rate_limits.RateLimited as refusal:
            form.add_error(
                "key", f"Too many invalid keys. Try again in {refusal.facts['retry_after']} seconds."
            )
        else:
            form.add_error("key", "This key is not valid. Check it, or ask head office for a new one.")
    return render(request, "packages/kiosk/connect.html", {"form": form})


@require_http_methods(["GET", "HEAD", "POST"])
@nonce.kept_when_away
@connected
def pad(request: HttpRequest, caller: Caller) -> HttpResponse:
    """Show the pad or pick a package up. `?lang=` chooses the language."""
    was_open = request.session.pop(DOOR, None) is not None
    if request.method != "POST":
        if was_open or "lang" in request.GET:
            return _in_language(request)
        return _show_pad(request, caller)
    if "press" in request.POST:
        return _show_pad(request, caller, typed=_pressed(request))
    return _pick_up(request, caller)


@require_safe
@connected
def door(request: HttpRequest, caller: Caller) -> HttpResponse:
    """Show which door has opened."""
    opened = request.session.get(DOOR)
    if opened is None:
        return redirect("kiosk:pad")
    compartments = Compartment.objects.select_related("locker__location")
    shown = get_object_or_404(compartments, location_id=caller.location_id, pk=opened)
    context = {
        "door": shown,
        "location": shown.locker.location,
        "cabinet": cabinets.cabinet_of(shown.locker),
        "seconds": SHOWS_DOOR_SECONDS,
    }
    return nonce.forget(request, _show(request, "packages/kiosk/door.html", context))


def _in_language(request: HttpRequest) -> HttpResponse:
    """Redirect to the pad in the requested language, or in the kiosk's own language."""
    language.choose(request, request.GET.get("lang", ""), timezone.now())
    return redirect("kiosk:pad")


def _is_screen(caller: Caller) -> bool:
    return caller.kiosk_id is not None and ApiKey.Scope.PICKUP in caller.scopes


def _pick_up(request: HttpRequest, caller: Caller) -> HttpResponse:
    form = PickupForm(request.POST)
    if not form.is_valid():
        messages.error(request, str(PHONE if "phone_last4" in form.errors else UNKNOWN))
        return redirect("kiosk:pad")
    typed = TypedCode(
        code=form.cleaned_data["code"],
        phone_last4=form.cleaned_data["phone_last4"] or None,
        nonce=form.cleaned_data["nonce"],
    )
    now = timezone.now()
    try:
        opened = operations.pick_up(by=caller.actor, now=now, typed=typed)
    except errors.Refusal as refusal:
        _tell(request, caller, refusal, now)
        response = redirect("kiosk:pad")
        return nonce.keep(request, response) if refusal.status == 503 else response
    return _opened(request, opened)


def _opened(request: HttpRequest, opened: Opened) -> HttpResponse:
    request.session[DOOR] = opened.compartment_id
    with suppress(UpdateError):  # the kiosk was disconnected in the meantime; the middleware handles it
        request.session.save()  # now, not after the view: if it fails, the pickup can be repeated
    return nonce.keep(request, redirect("kiosk:door"))


def _tell(request: HttpRequest, caller: Caller, refusal: errors.Refusal, now: datetime) -> None:
    if isinstance(refusal, errors.TooManyAttempts):
        return  # the pad shows how long to wait
    if isinstance(refusal, errors.PhoneCheckRequired):
        request.session[PHONE_DAY] = _today(caller, now)
        messages.error(request, str(PHONE))
    elif isinstance(refusal, errors.CodeExpired):
        messages.error(request, str(EXPIRED))
    elif isinstance(refusal, errors.OnHold):
        messages.error(request, str(ON_HOLD))
    elif refusal.status == 503:
        messages.error(request, str(BUSY))
    else:
        messages.error(request, str(UNKNOWN))


def _show_pad(request: HttpRequest, caller: Caller, *, typed: str = "") -> HttpResponse:
    now = timezone.now()
    assert caller.kiosk_id is not None
    kiosk = Kiosk.objects.select_related("location").get(pk=caller.kiosk_id)
    wait = max(0, ceil((kiosk.locked_until - now).total_seconds())) if kiosk.locked_until else 0
    context = {
        "kiosk": kiosk,
        "location": kiosk.location,
        "wait": wait,
        "typed": typed,
        "phone_last4": request.POST.get("phone_last4", "")[:4],
        # Once the phone number was needed, it is asked for until the end of the location's day.
        "asks_phone": request.session.get(PHONE_DAY) == _today(caller, now),
        "digits": pickup_codes.digits_of(pickup_codes.newest()),
        "delegate_digits": pickup_codes.DELEGATE_DIGITS,
        "nonce": nonce.current(request),
        "languages": settings.LANGUAGES,
        "language_chosen": bool(language.chosen(request, now)),
        "keys": ["1", "2", "3", "4", "5", "6", "7", "8", "9", "clear", "0", "back"],
    }
    return _show(request, "packages/kiosk/pad.html", context)


def _show(request: HttpRequest, template: str, context: dict[str, object]) -> HttpResponse:
    page_language = translation.get_language()
    return render(request, template, {**context, "page_language": page_language})


def _today(caller: Caller, now: datetime) -> str:
    return now.astimezone(ZoneInfo(caller.actor.time_zone)).date().isoformat()


def _pressed(request: HttpRequest) -> str:
    """Return the digits after a key of the pad was pressed in a browser without JavaScript."""
    typed = "".join(digit for digit in request.POST.get("code", "")[:40] if digit in "0123456789")
    press = request.POST["press"]
    if press == "clear":
        return ""
    if press == "back":
        return typed[:-1]
    return (typed + press)[:LONGEST_TYPED] if press in set("0123456789") else typed
