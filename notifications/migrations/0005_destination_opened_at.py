import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('notifications', '0004_fewer_indexes'),
    ]

    operations = [
        migrations.RenameField(model_name='destination', old_name='created_at', new_name='opened_at'),
        migrations.AlterField(
            model_name='destination',
            name='opened_at',
            field=models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), help_text='Since when it takes messages.'),
        ),
    ]
