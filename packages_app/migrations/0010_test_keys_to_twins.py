from django.db import migrations


def move_test_keys(apps, schema_editor):
    """Test keys belong to the courier's twin from now on."""
    Courier = apps.get_model("packages_app", "Courier")
    for courier in Courier.objects.filter(keys__kind="test", twin_of=None).distinct():
        twin, _ = Courier.objects.get_or_create(
            twin_of=courier, defaults={"code": f"{courier.code}.test", "name": f"{courier.name} (sandbox)"}
        )
        courier.keys.filter(kind="test").update(courier=twin)


class Migration(migrations.Migration):

    dependencies = [
        ('packages_app', '0009_keys_rotated_and_bound'),
    ]

    operations = [
        migrations.RunPython(move_test_keys, migrations.RunPython.noop),
    ]
