"""Messages to recipients and delegates: address, language, and the facts for the templates.

They are looked up when a message is sent, so that it says what is true then, and so that no row of the outbox
holds personal data or a code.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from lockers.models import Location
from notifications.channels.people import ADDRESS_FIELDS
from notifications.channels.registry import CHANNELS
from notifications.messages import Message, Payer, Suppressed
from notifications.models import Notification
from notifications.quiet_hours import QuietHours
from packages_app.life.kinds import kind_of, why_outdated
from packages_app.messaging import earlier, links, preferences
from packages_app.messaging.preferences import Choices
from packages_app.models import Delegate, Package
from packages_app.models.people import Person
from packages_app.secrets import pickup_codes


def compose(notifications: Sequence[Notification]) -> dict[int, Message | Suppressed]:
    """Return the message, or the reason why there is none, for each notification about a package."""
    ids = {row.pk: UUID(row.subject.removeprefix("package:")) for row in notifications}
    found = Package.objects.select_related("location", "compartment", "courier", "recipient")
    of_delegates = any(kind_of(row.kind).about_delegate for row in notifications)
    if of_delegates or any(row.kind == "retrieved" for row in notifications):
        found = found.prefetch_related("delegates")
    packages = found.in_bulk(list(set(ids.values())))
    people: list[Person] = [package.recipient for package in packages.values()]
    if of_delegates:
        people += [delegate for package in packages.values() for delegate in package.delegates.all()]
    chosen, nothing_new = preferences.choices(people), earlier.nothing_new(notifications)
    return {
        row.pk: Suppressed(nothing_new[row.pk])
        if row.pk in nothing_new
        else _message(row, packages.get(ids[row.pk]), chosen)
        for row in notifications
    }


def _message(row: Notification, package: Package | None, chosen: Choices) -> Message | Suppressed:
    if package is None:
        return Suppressed("the package does not exist")
    if package.location.sandbox:
        return Suppressed("sandbox")
    delegate = _delegate(row, package)
    withdrawn = delegate is not None and delegate.withdrawn_at is not None
    if not withdrawn and (reason := why_outdated(row.kind, package) or _another_hold(row, package)):
        return Suppressed(reason)
    if reason := _not_for_the_delegate(row, package, delegate, chosen):
        return Suppressed(reason)
    person: Person = delegate if delegate and kind_of(row.kind).to_delegate else package.recipient
    to = getattr(person, ADDRESS_FIELDS[row.channel])
    if not to:
        return Suppressed(f"the {_role(person)} has no such address")
    if reason := _unwelcome(row, person, chosen):
        return Suppressed(reason, unwanted=True)
    return Message(
        to=to,
        language=person.language,
        context=_facts(row, package, delegate),
        quiet_hours=_quiet_hours(row, package.location),
        payer=Payer(package.courier.sms_payer, package.courier.sms_daily_cap),
    )


def _delegate(row: Notification, package: Package) -> Delegate | None:
    """Return the delegate that it is about: the present one, or the one whose code has ended."""
    if row.kind == "delegate_ended":
        return next((one for one in package.delegates.all() if str(one.pk) == row.context["delegate"]), None)
    return package.delegate if kind_of(row.kind).about_delegate else None


def _not_for_the_delegate(
    row: Notification, package: Package, delegate: Delegate | None, chosen: Choices
) -> str:
    """Return why a message about a delegate is not sent; empty if it is, and for all other messages."""
    if not kind_of(row.kind).about_delegate:
        return ""
    if delegate is None:
        return "the package has no delegate any more"
    if kind_of(row.kind).to_delegate and row.context.get("delegate") != str(delegate.pk):
        return "the package has another delegate now"
    if row.kind == "delegate_ended" and _collects_it(delegate, package, row.channel):
        return "they picked it up, or still may"
    if _told_as_the_other(row, package.recipient, delegate, chosen):
        return "recipient and delegate are the same person"
    return ""


def _collects_it(ended: Delegate, package: Package, channel: str) -> bool:
    """Return whether they picked it up or still may: perhaps they were named again, with the same address."""
    named = package.delegate
    if named is None or (ended == named and not package.collected_by_delegate):
        return False
    return preferences.addresses(ended).get(channel) == preferences.addresses(named).get(channel)


def _told_as_the_other(row: Notification, recipient: Person, delegate: Person, chosen: Choices) -> bool:
    """Return whether recipient and delegate are one person here, who gets the other message of the event.

    With their own code they need not hear that it was sent; everything else they hear as the recipient.
    """
    if row.kind != "delegate_named" and not row.context.get("like_recipient"):
        return False
    if any(row.channel not in preferences.wanted(one, chosen) for one in (recipient, delegate)):
        return False
    return preferences.addresses(recipient)[row.channel] == preferences.addresses(delegate)[row.channel]


def _role(person: Person) -> str:
    return type(person).__name__.lower()


def _unwelcome(row: Notification, person: Person, chosen: Choices) -> str:
    """Return why the person does not want it; empty if they do, or if only it can bring them their code."""
    if row.context.get("instead_of") and kind_of(row.kind).shows_code:
        return ""
    if row.channel not in person.channels:
        return "the courier wants no messages by this channel"
    if row.channel not in preferences.wanted(person, chosen):
        return f"the {_role(person)} wants no messages by this channel"
    if kind_of(row.kind).courtesy and preferences.only_needed(person, row.channel, chosen):
        return f"the {_role(person)} wants only what is needed to collect"
    return ""


def _quiet_hours(row: Notification, location: Location) -> QuietHours | None:
    """Return those of the location, for a message that rings and that nobody waits for."""
    if not CHANNELS[row.channel].rings or kind_of(row.kind).waited_for:
        return None
    if location.quiet_from is None or location.quiet_until is None:
        return None
    return QuietHours(location.quiet_from, location.quiet_until, location.zone)


def _another_hold(row: Notification, package: Package) -> str:
    """Return why a reminder is outdated: it is about the end of the hold in its context, `until`."""
    until = row.context.get("until")
    if until is None:
        return ""
    if package.expires_at != datetime.fromisoformat(until):
        return "the hold was changed"
    return "" if package.held_at is None else "the package is on hold"


def _facts(row: Notification, package: Package, delegate: Delegate | None) -> dict[str, object]:
    location = package.location
    facts: dict[str, object] = {
        "recipient_name": package.recipient.name,
        "location_name": location.name,
        "location_address": ", ".join(part for part in (location.address, location.city) if part),
        "compartment": package.compartment.label,
        "courier_name": package.courier.name,
        "tracking_number": package.tracking_number,
        "expires_at": package.expires_at.astimezone(location.zone) if package.expires_at else None,
        "hold_days": location.hold_days,
    }
    if reason := row.context.get("reason"):
        facts["reason"] = reason
    if row.kind == "reminder_last" and links.can_extend(package):
        facts["extend_url"] = links.url(package)
    if kind_of(row.kind).to_delegate and delegate is not None:
        facts["recipient_name"], facts["owner_name"] = delegate.name, package.recipient.name
    if row.kind == "delegated" and delegate is not None:
        facts["code"] = pickup_codes.shown(delegate.code)
    elif kind_of(row.kind).shows_code:
        digits = pickup_codes.compute(package.pk, package.code_version, package.code_secret)
        facts["code"] = pickup_codes.shown(digits)
    if row.kind == "retrieved" and package.collected_by_delegate:
        delegate = package.delegate
    if row.kind in ("delegate_named", "retrieved") and delegate is not None:
        facts["delegate_name"] = delegate.name
    return facts
