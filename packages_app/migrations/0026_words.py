"""Labels and help texts in plain English; no change to the schema."""

import common.languages
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('packages_app', '0025_languages_from_settings'),
    ]

    operations = [
        migrations.AlterField(
            model_name='courier',
            name='language',
            field=models.CharField(choices=common.languages.language_choices, db_default='en', default='en', help_text='Of emails to the courier', max_length=5),
        ),
        migrations.AlterField(
            model_name='package',
            name='held_at',
            field=models.DateTimeField(editable=False, help_text='On hold since then: nobody can pick it up until it is released', null=True),
        ),
        migrations.AlterField(
            model_name='package',
            name='held_expires_at',
            field=models.DateTimeField(editable=False, help_text='The pickup deadline that it had when it was put on hold', null=True),
        ),
        migrations.AlterField(
            model_name='package',
            name='status',
            field=models.CharField(choices=[('PENDING', 'Pending'), ('STORED', 'Stored'), ('RETRIEVED', 'Retrieved'), ('EXPIRED', 'Expired'), ('CANCELLED', 'Canceled'), ('RETURNED', 'Returned')], default='PENDING', editable=False, max_length=10),
        ),
        migrations.AlterField(
            model_name='packageevent',
            name='event',
            field=models.CharField(choices=[('assigned', 'Compartment assigned'), ('opened', 'Door opened by the courier'), ('deposited', 'Deposited'), ('reassigned', 'Moved to another compartment'), ('retrieved', 'Picked up'), ('expired', 'Pickup deadline passed'), ('extended', 'Hold extended'), ('cancelled', 'Canceled'), ('lapsed', 'Reservation lapsed'), ('returned', 'Taken out for return'), ('code_renewed', 'New pickup code'), ('door_failed', 'Door did not open'), ('held', 'Put on hold'), ('released', 'Released'), ('delegated', 'Delegate named'), ('delegate_renewed', 'New code for the delegate'), ('delegate_removed', 'Delegate removed'), ('found', 'Found in its compartment'), ('found_taken_out', 'Found in its compartment and taken out'), ('hold_stopped', 'Deadlines paused: the location is offline'), ('location_suspended', 'Deadlines paused: the location is suspended'), ('location_resumed', 'Deadlines moved: the location is back')], max_length=20),
        ),
        migrations.AlterField(
            model_name='packageevent',
            name='from_status',
            field=models.CharField(blank=True, choices=[('PENDING', 'Pending'), ('STORED', 'Stored'), ('RETRIEVED', 'Retrieved'), ('EXPIRED', 'Expired'), ('CANCELLED', 'Canceled'), ('RETURNED', 'Returned')], default='', max_length=10),
        ),
        migrations.AlterField(
            model_name='packageevent',
            name='to_status',
            field=models.CharField(choices=[('PENDING', 'Pending'), ('STORED', 'Stored'), ('RETRIEVED', 'Retrieved'), ('EXPIRED', 'Expired'), ('CANCELLED', 'Canceled'), ('RETURNED', 'Returned')], max_length=10),
        ),
        migrations.AlterField(
            model_name='recipient',
            name='only_channel',
            field=models.CharField(blank=True, choices=[('email', 'Email'), ('sms', 'SMS')], db_default='', default='', help_text='The only one that the courier wants used; empty: every one that there is an address for', max_length=5),
        ),
    ]
