from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("lockers", "0007_mornings")]

    operations = [
        migrations.AddField(
            model_name="membership",
            name="language",
            field=models.CharField(
                choices=[
                    ("en", "English"),
                    ("de", "Deutsch"),
                    ("pl", "Polski"),
                    ("et", "Eesti"),
                    ("lv", "Latviešu"),
                    ("lt", "Lietuvių"),
                ],
                db_default="en",
                default="en",
                help_text="Of e-mails about this location",
                max_length=5,
            ),
        ),
    ]
