"""Forms of managers about packages, and of recipients at a kiosk."""

from __future__ import annotations

from typing import Any

from django import forms

from packages_app.life.lifecycle import Status
from packages_app.models import Package
from packages_app.operations.packages.put_on_hold import HoldReason
from packages_app.operations.packages.record_found import Outcome
from packages_app.pages.kiosk import nonce as kiosk_nonce

ON_HOLD = "HELD"  # a filter besides the statuses: a package on hold has a status too


class LocationFilter(forms.Form):
    """A search for locations."""

    q = forms.CharField(max_length=100, required=False, label="Name, code or city")


class PackageFilter(forms.Form):
    """A search for packages of a location."""

    q = forms.CharField(max_length=40, required=False, label="Tracking number")
    status = forms.ChoiceField(choices=[("", "All"), *Status.choices, (ON_HOLD, "On hold")], required=False)


class SuspendForm(forms.Form):
    """Why a location is suspended, for managers and head office; recipients do not see it."""

    reason = forms.CharField(
        max_length=200,
        label="Reason",
        widget=forms.TextInput(attrs={"placeholder": "For example: storm", "autocomplete": "off"}),
    )


class SeenForm(forms.Form):
    """An action on a package as the page showed it, so that a form that is sent twice acts once."""

    seen = forms.DateTimeField(widget=forms.HiddenInput)


class ExtendForm(SeenForm):
    """By how much to extend a hold."""

    hours = forms.TypedChoiceField(
        coerce=int,
        choices=[(24, "1 day"), (48, "2 days"), (72, "3 days"), (168, "7 days")],
        label="Extend by",
    )


class FoundForm(forms.Form):
    """What happened to a package that was found in an unverified compartment."""

    outcome = forms.ChoiceField(choices=[(outcome, outcome) for outcome in Outcome])


class HoldForm(forms.Form):
    """Why a package is put on hold."""

    reason = forms.TypedChoiceField(
        coerce=HoldReason,
        choices=[
            (HoldReason.FRAUD, "Suspected fraud"),
            (HoldReason.UNPAID, "Not paid"),
            (HoldReason.CUSTOMS, "Customs"),
            (HoldReason.OTHER, "Other"),
        ],
        label="Reason",
    )
    note = forms.CharField(max_length=150, required=False, label="Note for the history (no names)")


class ReturnsForm(forms.Form):
    """Which packages of a location were taken out of their compartments."""

    packages = forms.ModelMultipleChoiceField(queryset=Package.objects.none())

    def __init__(self, data: Any, *, at: Any) -> None:
        super().__init__(data)
        field = self.fields["packages"]
        assert isinstance(field, forms.ModelMultipleChoiceField)
        field.queryset = at


class ConnectForm(forms.Form):
    """The API key that connects a kiosk's browser to its location."""

    key = forms.CharField(
        max_length=100,
        label="Kiosk key",
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false", "autofocus": True}),
    )


class PickupForm(forms.Form):
    """A recipient's pickup code, as typed; the operation checks it."""

    code = forms.CharField(max_length=40)
    phone_last4 = forms.RegexField(r"\A[0-9]{4}\Z", required=False)
    nonce = forms.RegexField(kiosk_nonce.FORM)
