"""Kept answers, so that a repeat gets the same one; bookmarks of jobs; counts of wrong codes."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from lockers.models import Location
from packages_app.models.couriers import Courier


class IdempotencyKey(models.Model):
    """One `Idempotency-Key` of one courier, and the answer that its request got.

    Written in the same transaction as the work: a worker killed at any point leaves either both or none.
    `body` never holds a pickup code; its member `code_of` says which one to compute into a repeat.
    """

    pk = models.CompositePrimaryKey("courier_id", "key")
    # The primary key begins with it: an index of its own would be written for each drop-off and never read.
    courier = models.ForeignKey(Courier, on_delete=models.CASCADE, related_name="+", db_index=False)
    key = models.CharField(max_length=255)
    fingerprint = models.BinaryField(max_length=32)
    status = models.PositiveSmallIntegerField(null=True)
    body = models.TextField(default="", db_default="")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [models.Index(fields=["created_at"], name="idempotency_created_idx")]

    def __str__(self) -> str:
        return f"{self.courier_id}: {self.key}"


class Bookmark(models.Model):
    """How far a job has read in a table to which rows are only appended."""

    name = models.CharField(max_length=40, primary_key=True)
    position = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name}: {self.position}"


class WrongCodeTally(models.Model):
    """The count of wrong pickup codes at a location on one day of its own calendar."""

    pk = models.CompositePrimaryKey("location_id", "day")
    location = models.ForeignKey(Location, on_delete=models.CASCADE, related_name="+")
    day = models.DateField()
    failures = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.location_id} {self.day}: {self.failures}"
