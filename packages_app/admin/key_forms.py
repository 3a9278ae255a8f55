"""Forms about API keys."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms

from packages_app.keys import addresses, rights
from packages_app.keys.rights import LONGEST_OVERLAP, USUAL_OVERLAP
from packages_app.models import ApiKey

HOUR = timedelta(hours=1)


class LimitForm(forms.Form):
    """How often a key may be used."""

    calls_per_second = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=1_000_000,
        help_text="Leave empty for the rate limit of all keys (RATE_LIMIT_KEY)",
    )
    burst = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=10_000_000,
        help_text="How many at once. Leave empty for five times the calls per second",
    )

    def clean(self) -> dict[str, Any]:
        """Check that there is no burst alone, and add the default burst."""
        cleaned = super().clean() or self.cleaned_data
        rate, burst = cleaned.get("calls_per_second"), cleaned.get("burst")
        if burst and not rate:
            self.add_error("burst", "Enter the calls per second as well.")
        cleaned["calls_per_second"], cleaned["burst"] = rights.own_limit(rate, burst)
        return cleaned


class NewKeyForm(LimitForm, forms.ModelForm[ApiKey]):
    """Whose key it is, and what it may be used for, where, and for how long."""

    scopes = forms.MultipleChoiceField(
        choices=ApiKey.Scope,
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text="None chosen: packages for a courier, pickup for a kiosk",
    )
    test = forms.BooleanField(
        required=False, label="Sandbox key", help_text="Couriers only: it sees the sandbox and nothing else"
    )
    days = forms.IntegerField(
        min_value=1, max_value=365, initial=365, help_text="How long it works, at most 365"
    )
    locations = forms.CharField(
        required=False,
        max_length=4000,
        label="Only these locations",
        help_text="Codes separated by commas; couriers only. Leave empty for all locations",
    )
    networks = forms.CharField(
        required=False,
        max_length=2000,
        label="Only from these networks",
        help_text="CIDR separated by commas: 192.0.2.0/24, 2001:db8::/32. Leave empty to allow all",
    )

    class Meta:
        model = ApiKey
        fields = ("courier", "kiosk", "name", "scopes", "test", "days")

    def clean_networks(self) -> list[str]:
        """Return each network in its usual form."""
        try:
            return addresses.parse_networks(self.cleaned_data["networks"])
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None

    def clean(self) -> dict[str, Any]:
        """Check that there is one owner, and that its key can have these rights."""
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

    def key_arguments(self) -> dict[str, Any]:
        """Return what was typed as arguments of `operations.create_key`."""
        names = ("courier", "kiosk", "scopes", "name", "test", "location_ids", "networks")
        limit = ("calls_per_second", "burst")
        chosen = {name: self.cleaned_data[name] for name in (*names, *limit)}
        return {**chosen, "life": timedelta(days=self.cleaned_data["days"])}


class RotateForm(forms.Form):
    """How long the old key keeps working."""

    hours = forms.IntegerField(
        min_value=0,
        max_value=LONGEST_OVERLAP // HOUR,
        initial=USUAL_OVERLAP // HOUR,
        label="Hours that the old key keeps working",
        help_text=f"0 to {LONGEST_OVERLAP // HOUR}; both keys work until then",
    )

    @property
    def overlap(self) -> timedelta:
        """How long the old key keeps working."""
        return timedelta(hours=self.cleaned_data["hours"])
