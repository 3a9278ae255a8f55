"""What people may type about packages: managers on their pages, recipients at the kiosk."""

from __future__ import annotations

from typing import Any

from django import forms

from packages_app.life.lifecycle import Status
from packages_app.models import Package
from packages_app.operations.packages.put_on_hold import HoldReason
from packages_app.operations.packages.record_found import Outcome
from packages_app.pages.kiosk import nonce as kiosk_nonce

HELD = "HELD"  # a choice beside the statuses: what is held back has one of them too


class LocationFilter(forms.Form):
    """Which locations to list."""

    q = forms.CharField(max_length=100, required=False, label="Name, code or city")


class PackageFilter(forms.Form):
    """Which packages of a location to list."""

    q = forms.CharField(max_length=40, required=False, label="Tracking number")
    status = forms.ChoiceField(choices=[("", "All"), *Status.choices, (HELD, "Held back")], required=False)


class SuspendForm(forms.Form):
    """Why a location is suspended; managers and head office read it, recipients do not."""

    reason = forms.CharField(
        max_length=200,
        label="Why?",
        widget=forms.TextInput(attrs={"placeholder": "For example: storm", "autocomplete": "off"}),
    )


class SeenForm(forms.Form):
    """An action on a package as it was when the page was made, so that a form sent twice acts once."""

    seen = forms.DateTimeField(widget=forms.HiddenInput)


class ExtendForm(SeenForm):
    """How much longer a package may wait."""

    hours = forms.TypedChoiceField(
        coerce=int,
        choices=[(24, "1 day"), (48, "2 days"), (72, "3 days"), (168, "7 days")],
        label="How much longer?",
    )


class FoundForm(forms.Form):
    """What became of a parcel that was found in an unverified door."""

    outcome = forms.ChoiceField(choices=[(outcome, outcome) for outcome in Outcome])


class HoldForm(forms.Form):
    """Why a package is held back."""

    reason = forms.TypedChoiceField(
        coerce=HoldReason,
        choices=[
            (HoldReason.FRAUD, "Fraud is suspected"),
            (HoldReason.UNPAID, "It is not paid"),
            (HoldReason.CUSTOMS, "Customs"),
            (HoldReason.OTHER, "Something else"),
        ],
        label="Why hold it back?",
    )
    note = forms.CharField(max_length=150, required=False, label="More, for the history (not for names)")


class ReturnsForm(forms.Form):
    """Which packages of a location were taken out of their doors."""

    packages = forms.ModelMultipleChoiceField(queryset=Package.objects.none())

    def __init__(self, data: Any, *, at: Any) -> None:
        super().__init__(data)
        field = self.fields["packages"]
        assert isinstance(field, forms.ModelMultipleChoiceField)
        field.queryset = at


class ConnectForm(forms.Form):
    """The key that connects a screen to its locker."""

    key = forms.CharField(
        max_length=100,
        label="Kiosk key",
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false", "autofocus": True}),
    )


class PickupForm(forms.Form):
    """What a recipient types. Whether it opens a door is for the operation to say."""

    code = forms.CharField(max_length=40)
    phone_last4 = forms.RegexField(r"\A[0-9]{4}\Z", required=False)
    nonce = forms.RegexField(kiosk_nonce.FORM)
