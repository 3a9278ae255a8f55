from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('packages_app', '0022_channels'),
    ]

    operations = [
        migrations.RenameModel(
            old_name='UnwantedAddress',
            new_name='AddressChoice',
        ),
        # Every row that there is says so.
        migrations.AddField(
            model_name='addresschoice',
            name='unwanted',
            field=models.BooleanField(db_default=True, default=True),
        ),
        migrations.AlterField(
            model_name='addresschoice',
            name='unwanted',
            field=models.BooleanField(db_default=False, default=False, help_text='No messages at it, where its owner has another one'),
        ),
        migrations.AddField(
            model_name='addresschoice',
            name='only_needed',
            field=models.BooleanField(db_default=False, default=False, help_text='No messages that nobody needs to collect a package'),
        ),
    ]
