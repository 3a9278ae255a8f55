"""What staff type about keys."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms

from packages_app.keys import addresses, rights
from packages_app.models import ApiKey
from packages_app.operations.couriers import make_key
from packages_app.operations.couriers.rotate_key import LONGEST_OVERLAP, USUAL_OVERLAP

HOUR = timedelta(hours=1)


class LimitForm(forms.Form):
    """How often a key may call."""

    calls_per_second = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=1_000_000,
        help_text="Left empty, the rate limit of all keys (RATE_LIMIT_KEY)",
    )
    burst = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=10_000_000,
        help_text="How many at once; five times as many as a second, if left empty",
    )

    def clean(self) -> dict[str, Any]:
        """Both or the first alone."""
        cleaned = super().clean() or self.cleaned_data
        rate, burst = cleaned.get("calls_per_second"), cleaned.get("burst")
        if burst and not rate:
            self.add_error("burst", "Give the calls a second as well.")
        elif rate:
            cleaned["burst"] = burst or make_key.usual_burst(rate)
        return cleaned


class NewKeyForm(LimitForm, forms.ModelForm[ApiKey]):
    """Whose key, what for, where, and how long."""

    scopes = forms.MultipleChoiceField(
        choices=ApiKey.Scope,
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text="Without any: packages for a courier, pickup for a kiosk",
    )
    test = forms.BooleanField(
        required=False, label="Sandbox key", help_text="Couriers only: it sees the sandbox and nothing else"
    )
    days = forms.IntegerField(
        min_value=1, max_value=365, initial=365, help_text="How long it lives, 365 at the most"
    )
    locations = forms.CharField(
        required=False,
        max_length=4000,
        label="Only these locations",
        help_text="Codes with commas between; couriers only. Left empty, the key sees all of them",
    )
    networks = forms.CharField(
        required=False,
        max_length=2000,
        label="Only from these networks",
        help_text="CIDR with commas between, such as 192.0.2.0/24, 2001:db8::/32. Left empty: from anywhere",
    )

    class Meta:
        model = ApiKey
        fields = ("courier", "kiosk", "name", "scopes", "test", "days")

    def clean_networks(self) -> list[str]:
        """Each in its usual form."""
        try:
            return addresses.parse_networks(self.cleaned_data["networks"])
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None

    def clean(self) -> dict[str, Any]:
        """One owner, and rights that such a key can have."""
        cleaned = super().clean() or self.cleaned_data
        courier, kiosk = cleaned.get("courier"), cleaned.get("kiosk")
        if (courier is None) == (kiosk is None):
            raise forms.ValidationError("A key belongs to one courier or to one kiosk.")
        possible = rights.COURIER_SCOPES if courier else rights.KIOSK_SCOPES
        if not set(cleaned.get("scopes", [])) <= possible:
            self.add_error("scopes", "This kind of key cannot have all of these scopes.")
        if kiosk and cleaned.get("test"):
            self.add_error("test", "A kiosk has no sandbox key.")
        if kiosk and cleaned.get("locations"):
            self.add_error("locations", "A kiosk's key sees the kiosk's own location.")
        sandbox = cleaned.get("test", False) or bool(courier and courier.is_twin)
        try:
            cleaned["location_ids"] = rights.parse_locations(cleaned.get("locations", ""), sandbox=sandbox)
        except ValueError as error:
            self.add_error("locations", str(error))
        return cleaned

    def make(self, *, by: str) -> tuple[ApiKey, str]:
        """The key and its text."""
        chosen = self.cleaned_data
        return make_key.make_key(
            courier=chosen["courier"],
            kiosk=chosen["kiosk"],
            scopes=chosen["scopes"],
            name=chosen["name"],
            life=timedelta(days=chosen["days"]),
            test=chosen["test"],
            made_by=by,
            location_ids=chosen["location_ids"],
            networks=chosen["networks"],
            calls_per_second=chosen["calls_per_second"],
            burst=chosen["burst"],
        )


class RotateForm(forms.Form):
    """How long the old key lives on."""

    hours = forms.IntegerField(
        min_value=0,
        max_value=LONGEST_OVERLAP // HOUR,
        initial=USUAL_OVERLAP // HOUR,
        label="Hours that the old key lives on",
        help_text=f"0 to {LONGEST_OVERLAP // HOUR}; both keys work meanwhile",
    )

    @property
    def overlap(self) -> timedelta:
        """As a span of time."""
        return timedelta(hours=self.cleaned_data["hours"])
