import uuid

import django.db.models.deletion
import django.db.models.functions.datetime
from django.contrib.postgres.operations import AddConstraintNotValid, ValidateConstraint
from django.db import migrations, models

from packages_app.migrations._all_or_nothing import AllOrNothing

HELD = models.CheckConstraint(
    condition=models.Q(
        models.Q(("held_at__isnull", True), ("held_expires_at__isnull", True)),
        models.Q(("held_at__isnull", False), ("status__in", ["PENDING", "STORED", "EXPIRED"])),
        _connector="OR",
    ),
    name="package_held_pair",
)
COLLECTED = models.CheckConstraint(
    condition=models.Q(("collected_by_delegate", False), ("status", "RETRIEVED"), _connector="OR"),
    name="package_delegate_collected",
)


class Migration(migrations.Migration):
    # Each step for itself: nobody waits for the package's table while its rows are checked. What was cancelled
    # half-way can be repeated.
    atomic = False

    dependencies = [
        ("lockers", "0002_faults_and_heartbeats"),
        ("packages_app", "0005_location_index"),
    ]

    operations = [
        AllOrNothing(
            [
                migrations.CreateModel(
                    name="Delegate",
                    fields=[
                        ("name", models.CharField(blank=True, default="", max_length=100)),
                        ("email", models.EmailField(blank=True, default="", max_length=254)),
                        ("phone", models.CharField(blank=True, default="", help_text="E.164: +3725551234", max_length=16)),
                        (
                            "language",
                            models.CharField(
                                blank=True,
                                choices=[
                                    ("en", "English"),
                                    ("de", "Deutsch"),
                                    ("pl", "Polski"),
                                    ("et", "Eesti"),
                                    ("lv", "Latviešu"),
                                    ("lt", "Lietuvių"),
                                ],
                                default="en",
                                max_length=5,
                            ),
                        ),
                        ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                        (
                            "named_at",
                            models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                        ),
                        ("withdrawn_at", models.DateTimeField(editable=False, null=True)),
                        ("code_version", models.PositiveSmallIntegerField(default=1, editable=False)),
                        (
                            "code_secret",
                            models.PositiveSmallIntegerField(default=1, editable=False, help_text="Id of the secret"),
                        ),
                        ("code_mac", models.BinaryField(max_length=32, null=True)),
                        (
                            "location",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="lockers.location"
                            ),
                        ),
                        (
                            "package",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="delegates",
                                to="packages_app.package",
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("withdrawn_at__isnull", True)),
                                fields=("package",),
                                name="delegate_one_per_package",
                            ),
                            models.UniqueConstraint(
                                condition=models.Q(("code_mac__isnull", False)),
                                fields=("location", "code_mac"),
                                name="delegate_code_once",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("code_mac__isnull", False), ("withdrawn_at__isnull", True)),
                                    models.Q(("code_mac__isnull", True), ("withdrawn_at__isnull", False)),
                                    _connector="OR",
                                ),
                                name="delegate_code_pair",
                            ),
                        ],
                    },
                ),
            ],
            table="packages_app_delegate",
            column="id",
        ),
        AllOrNothing(
            [
                migrations.AddField(
                    model_name="package",
                    name="collected_by_delegate",
                    field=models.BooleanField(db_default=False, default=False, editable=False),
                ),
                migrations.AddField(
                    model_name="package",
                    name="held_at",
                    field=models.DateTimeField(
                        editable=False, help_text="Held back: nobody gets it until it is released", null=True
                    ),
                ),
                migrations.AddField(
                    model_name="package",
                    name="held_expires_at",
                    field=models.DateTimeField(
                        editable=False,
                        help_text="When its hold would have ended, had it not been held back",
                        null=True,
                    ),
                ),
                AddConstraintNotValid(model_name="package", constraint=HELD),
                AddConstraintNotValid(model_name="package", constraint=COLLECTED),
            ],
            table="packages_app_package",
            column="held_at",
        ),
        migrations.AlterField(
            model_name="packageevent",
            name="event",
            field=models.CharField(
                choices=[
                    ("assigned", "Assigned a door"),
                    ("deposited", "Deposited"),
                    ("reassigned", "Moved to another door"),
                    ("retrieved", "Picked up"),
                    ("expired", "Hold time ended"),
                    ("extended", "Hold extended"),
                    ("cancelled", "Cancelled"),
                    ("lapsed", "Reservation lapsed"),
                    ("returned", "Taken out for return"),
                    ("code_renewed", "New pickup code"),
                    ("door_failed", "Door did not open"),
                    ("held", "Held back"),
                    ("released", "No longer held back"),
                    ("delegated", "Somebody else may collect"),
                    ("delegate_renewed", "New code for somebody else"),
                    ("delegate_removed", "Nobody else may collect"),
                ],
                max_length=20,
            ),
        ),
        ValidateConstraint(model_name="package", name="package_held_pair"),
        ValidateConstraint(model_name="package", name="package_delegate_collected"),
    ]
