from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("packages_app", "0016_erasure")]

    operations = [
        migrations.AddField(
            model_name="courier",
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
                help_text="Of e-mails to it",
                max_length=5,
            ),
        ),
    ]
