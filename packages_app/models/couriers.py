"""Delivery companies, and the keys that couriers and kiosks speak to the API with."""

from __future__ import annotations

from datetime import datetime

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from common.languages import language_choices
from lockers.models import Kiosk


class Courier(models.Model):
    """A delivery company, with API keys."""

    code = models.SlugField(max_length=45, unique=True)
    name = models.CharField(max_length=110)
    active = models.BooleanField(default=True, help_text="An inactive courier's keys open nothing")
    return_list_email = models.EmailField(
        blank=True,
        default="",
        db_default="",
        help_text="Who is told each morning, by location, which packages wait to be taken back",
    )
    language = models.CharField(
        max_length=5,
        choices=language_choices,
        default="en",
        db_default="en",
        help_text="Of emails to the courier",
    )
    sms_daily_cap = models.DecimalField(
        "daily cap of SMS",
        max_digits=12,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text="What its SMS may cost in a day, 0 for none at all; SMS_DAILY_CAP, if empty",
    )
    twin_of = models.OneToOneField(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="twin",
        help_text="Whose rehearsals these are: what test keys do is done by the courier's twin",
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def sms_payer(self) -> str:
        """The name under which its SMS are counted (`notifications/delivery/sms_limits.py`)."""
        return f"courier:{self.code}"

    @property
    def is_twin(self) -> bool:
        """Whether this is the sandbox twin of another courier."""
        return self.twin_of_id is not None

    @property
    def works(self) -> bool:
        """Whether its keys are accepted; a twin's are only while its courier is active as well."""
        return self.active and (self.twin_of is None or self.twin_of.active)

    def in_sandbox(self) -> Courier:
        """Return its sandbox twin, so that tests never collide with its live tracking numbers and keys.

        The twin's code has a dot, which no other courier's code may have.
        """
        if self.is_twin:
            return self
        fields = {"code": f"{self.code}.test", "name": f"{self.name} (sandbox)"}
        return Courier.objects.get_or_create(twin_of=self, defaults=fields)[0]


class ApiKey(models.Model):
    """An API key of a courier or a kiosk. Only its digest is stored; the text is shown once, when it is made.

    The secret has 256 random bits, so a plain SHA-256 cannot be reversed (OWASP ASVS 6.5.2 asks for a slow
    hash below 112 bits).
    """

    class Kind(models.TextChoices):
        LIVE = "live", "Courier"
        TEST = "test", "Courier, sandbox"
        KIOSK = "kiosk", "Kiosk"

    class Scope(models.TextChoices):
        PACKAGES = "packages", "Bring, change and read the courier's own packages"
        CODES_READ = "codes:read", "Read pickup codes (shops that write to their customers themselves)"
        PICKUP = "pickup", "Open doors for pickup codes"

    key_id = models.CharField(max_length=8, unique=True, editable=False, help_text="The public part")
    digest = models.BinaryField(max_length=32, editable=False)
    kind = models.CharField(max_length=5, choices=Kind)
    courier = models.ForeignKey(Courier, on_delete=models.PROTECT, null=True, blank=True, related_name="keys")
    kiosk = models.ForeignKey(Kiosk, on_delete=models.PROTECT, null=True, blank=True, related_name="keys")
    name = models.CharField(max_length=100, blank=True, default="", help_text="What it is used for")
    scopes = ArrayField(models.CharField(max_length=20, choices=Scope), default=list)
    # Arrays, so that the check of a key reads one row. Locations are never deleted.
    location_ids = ArrayField(
        models.BigIntegerField(),
        default=list,
        blank=True,
        help_text="The only locations it sees; all, if none",
    )
    networks = ArrayField(
        models.CharField(max_length=49),
        default=list,
        blank=True,
        help_text="Where it may be used from, as CIDR; anywhere, if none",
    )
    calls_per_second = models.PositiveIntegerField(
        null=True, blank=True, help_text="Its own rate limit; that of all keys (RATE_LIMIT_KEY), if none"
    )
    burst = models.PositiveIntegerField(null=True, blank=True, help_text="How many at once")
    made_by = models.CharField(max_length=170, blank=True, default="", editable=False)
    replaces = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="replaced_by"
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["-created_at"]
        verbose_name = "API key"
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["live", "test"], courier__isnull=False, kiosk__isnull=True)
                | Q(kind="kiosk", courier__isnull=True, kiosk__isnull=False),
                name="apikey_has_one_owner",
            ),
            models.CheckConstraint(
                condition=Q(calls_per_second__isnull=True, burst__isnull=True)
                | Q(calls_per_second__isnull=False, burst__isnull=False)
                & Q(calls_per_second__gte=1, burst__gte=1),
                name="apikey_rate_limit_pair",
            ),
        ]

    def __str__(self) -> str:
        return f"plk_{self.kind}_{self.key_id}_…"

    def opens(self, now: datetime) -> bool:
        """Return whether it is neither revoked nor expired (`keys.checking` decides for a call)."""
        return self.revoked_at is None and self.expires_at > now
