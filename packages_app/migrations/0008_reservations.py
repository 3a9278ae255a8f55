"""Whether the courier has opened a reserved door."""

from django.contrib.postgres.operations import AddConstraintNotValid, ValidateConstraint
from django.db import migrations, models

from packages_app.migrations._all_or_nothing import AllOrNothing


class Migration(migrations.Migration):
    # The new check is validated in a transaction of its own, which stops no reader and no writer. What was
    # cancelled half-way can be repeated.
    atomic = False

    dependencies = [
        ("packages_app", "0007_webhooks"),
    ]

    operations = [
        AllOrNothing(
            [
                migrations.AddField(
                    model_name="package",
                    name="reports_opening",
                    field=models.BooleanField(
                        db_default=False,
                        default=False,
                        editable=False,
                        help_text="Its courier says when the door is opened: until then the door is shut",
                    ),
                ),
                migrations.AddField(
                    model_name="package",
                    name="opened_at",
                    field=models.DateTimeField(
                        editable=False,
                        help_text="When the courier opened the door to put it in, as far as they said",
                        null=True,
                    ),
                ),
                migrations.RemoveConstraint(model_name="package", name="package_stored_pair"),
                AddConstraintNotValid(
                    model_name="package",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            ("expires_at__isnull", True),
                            ("stored_at__isnull", True),
                            models.Q(
                                ("status__in", ["PENDING", "CANCELLED"]),
                                models.Q(("cancelled_at__isnull", False), ("status", "RETURNED")),
                                _connector="OR",
                            ),
                        )
                        | models.Q(("expires_at__isnull", False), ("stored_at__isnull", False))
                        & ~models.Q(("status", "PENDING")),
                        name="package_stored_pair",
                    ),
                ),
            ],
            table="packages_app_package",
            column="reports_opening",
        ),
        ValidateConstraint(model_name="package", name="package_stored_pair"),
        migrations.AlterField(
            model_name="packageevent",
            name="event",
            field=models.CharField(
                choices=[
                    ("assigned", "Assigned a door"),
                    ("opened", "Courier opened the door"),
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
                    ("found", "Found in its door"),
                    ("found_taken_out", "Found in its door and taken out"),
                ],
                max_length=20,
            ),
        ),
    ]
