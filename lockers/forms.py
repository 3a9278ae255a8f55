"""Forms of managers about compartments."""

from __future__ import annotations

from datetime import datetime, timedelta

from django import forms
from django.utils import timezone

LONGEST_REPAIR = timedelta(days=366)


class BackByField(forms.DateTimeField):
    """When a compartment is to be back in service, in the active time zone."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")

    def clean(self, value: object) -> datetime | None:
        """Return the time; it must be in the future and within a year."""
        moment: datetime | None = super().clean(value)
        if moment is not None and not timezone.now() < moment <= timezone.now() + LONGEST_REPAIR:
            raise forms.ValidationError("Enter a time in the future, within a year.")
        return moment


class RepairForm(forms.Form):
    """When a compartment is to be back in service."""

    repair_by = BackByField(label="Back in service by")


class TakeOutForm(forms.Form):
    """Why a compartment is taken out of service, and optionally until when."""

    reason = forms.CharField(
        max_length=200,
        label="Reason",
        widget=forms.TextInput(
            attrs={"placeholder": "For example: the hinge is bent", "autocomplete": "off"}
        ),
    )
    repair_by = BackByField(label="Back in service by (optional)", required=False)
