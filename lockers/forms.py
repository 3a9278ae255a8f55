"""What a manager may say about doors."""

from __future__ import annotations

from django import forms


class TakeOutForm(forms.Form):
    """Why a door is taken out of service."""

    reason = forms.CharField(
        max_length=200,
        label="Why?",
        widget=forms.TextInput(
            attrs={"placeholder": "For example: the hinge is bent", "autocomplete": "off"}
        ),
    )
