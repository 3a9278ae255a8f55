"""What a manager may say about doors."""

from __future__ import annotations

from datetime import datetime, timedelta

from django import forms
from django.utils import timezone

LONGEST_REPAIR = timedelta(days=366)


class BackByField(forms.DateTimeField):
    """When a door is to be back in service, on the clock of the time zone that is active."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")

    def clean(self, value: object) -> datetime | None:
        """A moment to come, within a year."""
        moment: datetime | None = super().clean(value)
        if moment is not None and not timezone.now() < moment <= timezone.now() + LONGEST_REPAIR:
            raise forms.ValidationError("This must be a time to come, within a year.")
        return moment


class RepairForm(forms.Form):
    """When a door is to be back."""

    repair_by = BackByField(label="Back by")


class TakeOutForm(forms.Form):
    """Why a door is taken out of service, and perhaps until when."""

    reason = forms.CharField(
        max_length=200,
        label="Why?",
        widget=forms.TextInput(
            attrs={"placeholder": "For example: the hinge is bent", "autocomplete": "off"}
        ),
    )
    repair_by = BackByField(label="Back by (optional)", required=False)
