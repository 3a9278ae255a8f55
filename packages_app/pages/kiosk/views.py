"""The screen at a locker: connect it with its key, type a code, see which door.

No code stands in an address, in the session or in a log: it travels in the body of a POST, and every POST
that the operation answers is answered with a redirect, so that the browser keeps none either.
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

from lockers import wall
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
# A screen stays connected for as long as its key is good, which is looked up at every request.
STAYS_CONNECTED = timedelta(days=365)
# How long the door is shown before the pad is there for the next recipient.
SHOWS_DOOR_SECONDS = 30
LONGEST_TYPED = pickup_codes.DELEGATE_DIGITS

UNKNOWN = _(
    "This code opens no door here. Please look at your message again: are all digits right, "
    "and is it this location?"
)
EXPIRED = _("The time to pick up this parcel has ended. Please contact the courier that brought it.")
HELD = _(
    "This parcel is held back for the moment. Please contact the courier that brought it; "
    "your code stays good for when it is released."
)
PHONE = _("Please type your code again, and the last four digits of your phone number as well.")
BUSY = _("That took too long. Please try again.")

View = Callable[..., HttpResponse]


def connected(view: View) -> View:
    """Gives the view the screen's `Caller`; a screen whose key opens nothing (any more) has to connect."""

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
    """Make this browser the screen of the kiosk whose key is typed here."""
    form = ConnectForm(request.POST or None)
    if form.is_valid():
        key, address = form.cleaned_data["key"].strip(), partial(client_address, request)
        caller, why = checking.verify(key, now=timezone.now(), client_address=address)
        if caller is not None and _is_screen(caller):
            # Whoever was signed in here is not any more: a screen stands in public.
            request.session.flush()
            rotate_token(request)
            request.session[KEY] = caller.key_id
            request.session.set_expiry(int(STAYS_CONNECTED.total_seconds()))
            return redirect("kiosk:pad")
        try:
            note_failure(request, why or "no kiosk's")
        except rate_limits.RateLimited as refusal:
            form.add_error("key", f"Too many keys that open nothing. Wait {refusal.facts['retry_after']} s.")
        else:
            form.add_error(
                "key", "This key opens nothing. Look at it again, or ask head office for a new one."
            )
    return render(request, "packages/kiosk/connect.html", {"form": form})


@require_http_methods(["GET", "HEAD", "POST"])
@nonce.kept_when_away
@connected
def pad(request: HttpRequest, caller: Caller) -> HttpResponse:
    """Type a code. `?lang=` chooses a language."""
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
    """Which door has opened, for a while."""
    opened = request.session.get(DOOR)
    if opened is None:
        return redirect("kiosk:pad")
    doors = Compartment.objects.select_related("locker__location")
    found = get_object_or_404(doors, location_id=caller.location_id, pk=opened)
    context = {
        "door": found,
        "location": found.locker.location,
        "cabinet": wall.cabinet(found.locker),
        "seconds": SHOWS_DOOR_SECONDS,
    }
    return nonce.forget(request, _show(request, "packages/kiosk/door.html", context))


def _in_language(request: HttpRequest) -> HttpResponse:
    """The pad in the language asked for; without one in the screen's own: whoever chose has their parcel."""
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
    with suppress(UpdateError):  # disconnected at this moment: the middleware says so
        request.session.save()  # not after the view only: where this fails, the pickup can be asked for again
    return nonce.keep(request, redirect("kiosk:door"))


def _tell(request: HttpRequest, caller: Caller, refusal: errors.Refusal, now: datetime) -> None:
    if isinstance(refusal, errors.TooManyAttempts):
        return  # the pad itself says how long to wait
    if isinstance(refusal, errors.PhoneCheckRequired):
        request.session[PHONE_DAY] = _today(caller, now)
        messages.error(request, str(PHONE))
    elif isinstance(refusal, errors.CodeExpired):
        messages.error(request, str(EXPIRED))
    elif isinstance(refusal, errors.OnHold):
        messages.error(request, str(HELD))
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
        # Asked for once, it is asked for until the location's day ends.
        "asks_phone": request.session.get(PHONE_DAY) == _today(caller, now),
        "digits": pickup_codes.DIGITS,
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
    """The digits after a key of the pad was pressed in a browser without JavaScript."""
    typed = "".join(digit for digit in request.POST.get("code", "")[:40] if digit in "0123456789")
    press = request.POST["press"]
    if press == "clear":
        return ""
    if press == "back":
        return typed[:-1]
    return (typed + press)[:LONGEST_TYPED] if press in set("0123456789") else typed
