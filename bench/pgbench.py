"""pgbench with the portal's own statements, to see what the database alone can do."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.db import connection

from bench import statements
from bench.machine import OUTPUT
from bench.world import HOT_CODE, SPREAD_KIOSKS, SPREAD_LOCATIONS, World
from devtools.servers.programs import find_programs
from lockers.models import Kiosk, Location
from packages_app.models import ApiKey

# How each of the portal's parameters comes about here. `:n` is the package's own random number.
_TEXT_OF_N = "(:n)::text"
_EXPRESSIONS = {
    "fingerprint": "sha256('x')",
    "key": f"('key-' || {_TEXT_OF_N})",
    "answer": ":'body'",
    "code": "('L' || lpad((:l)::text, 4, '0'))",
    "tracking_number": f"('T' || {_TEXT_OF_N})",
    "package_id": f"md5({_TEXT_OF_N})::uuid",
    "code_mac": f"sha256({_TEXT_OF_N}::bytea)",
    "macs": f"ARRAY[sha256({_TEXT_OF_N}::bytea)]",
    "receipt": f"sha256(('r' || {_TEXT_OF_N})::bytea)",
    "location_id": "(:location_id)::bigint",
    "kiosk_id": "(:kiosk_id)::bigint",
    "courier_id": "(:courier_id)::bigint",
    "size": "(:size)::smallint",
    "status": None,
}
_CONSTANTS = {
    "accessible": "false",
    "reserved_until": "NULL::timestamptz",
    "reports_opening": "false",
    "opened_at": "NULL::timestamptz",
    "code_version": "1",
    "code_secret": "1",
    "occupancy": "'occupied'",
    "deposited": "true",
    "channels": "'{email,sms}'",
    "name": "'Recipient'",
    "email": "'r@example.com'",
    "phone": "'+37255512345'",
    "language": "'en'",
    "only_channel": "''",
    "by": "'bench'",
    "compartment_id": "NULL",
    "phone_last4": "NULL",
    "waits_until": "NULL::timestamptz",
}
_FIELDS = ", ".join(f'"field_{n}": "a value of the usual length"' for n in range(11))
_ANSWER = f'{{"body": {{{_FIELDS}, "compartment": null}}}}'


def drops(network: World, *, clients: int, seconds: float) -> float:
    """Return requests a second; each transaction of the script does the work of two requests."""
    script = _script(network)
    settings = connection.settings_dict
    command: list[str | Path] = [_program(), "-n", "-M", "prepared", "-c", str(clients), "-j", "2"]
    command += ["-T", str(max(1, round(seconds))), "-f", script, "-h", settings["HOST"]]
    command += ["-p", str(settings["PORT"]), "-U", settings["USER"], settings["NAME"]]
    environment = {"PGPASSWORD": settings["PASSWORD"], "PATH": "/usr/bin:/bin"}
    run = subprocess.run(
        command, capture_output=True, text=True, timeout=seconds + 60, env=environment, check=False
    )
    found = re.search(r"tps = ([\d.]+)", run.stdout)
    if run.returncode != 0 or found is None:
        raise RuntimeError(f"pgbench failed: {run.stderr[-2000:]}")
    return 2 * float(found[1])


def _program() -> str | Path:
    """Return the pgbench of the embedded PostgreSQL, or the machine's own."""
    own = find_programs().postgres.with_name("pgbench")
    return own if own.exists() else shutil.which("pgbench") or "pgbench"


def _script(network: World) -> Path:
    """Return the script of a drop-off and a pickup, with the statements in the portal's order."""
    sql = statements.collect()
    first_location = Location.objects.exclude(code=HOT_CODE).order_by("id").values_list("id", flat=True)[0]
    kiosks = list(Kiosk.objects.exclude(location__code=HOT_CODE).order_by("id").values_list("id", flat=True))
    courier_key = ApiKey.objects.get(courier_id=network.courier_id)
    kiosk_keys = list(
        ApiKey.objects.filter(kiosk_id__in=kiosks).order_by("kiosk_id").values_list("key_id", flat=True)
    )
    now = datetime.now(UTC)
    moments = {
        "now": f"'{now.isoformat()}'::timestamptz",
        "stored_at": f"'{now.isoformat()}'::timestamptz",
        "expires_at": f"'{(now + timedelta(days=3)).isoformat()}'::timestamptz",
        "repeats_since": f"'{(now - timedelta(minutes=5)).isoformat()}'::timestamptz",
        "today": f"'{now.date()}'::date",
    }
    drop = {"key_id": f"'{courier_key.key_id}'", "kind": "'live'", "status": "'STORED'"}
    pick = {
        "key_id": "('{" + ",".join(kiosk_keys) + "}'::varchar[])[(:k)::int + 1]",
        "kind": "'kiosk'",
    }
    lines = [
        f"\\set l random(0, {SPREAD_LOCATIONS - 1})",
        f"\\set k :l * {SPREAD_KIOSKS} + random(0, {SPREAD_KIOSKS - 1})",
        f"\\set location_id :l + {first_location}",
        f"\\set kiosk_id :k + {kiosks[0]}",
        "\\set n random(1, 9000000000000000000)",
        "\\set r random(1, 6)",
        "\\set size case when :r <= 3 then 1 when :r <= 5 then 2 else 3 end",
        f"\\set courier_id {network.courier_id}",
    ]
    plan = [
        ("courier_key", drop),
        ("location", drop),
        ("assign", drop),
        ("kiosk_key", pick),
        ("pick_up", pick),
    ]
    for name, special in plan:
        text = sql.get(name, name).strip()
        lines.append(_fill(text, {**_CONSTANTS, **_EXPRESSIONS, **moments, **special}) + ";")
    file = OUTPUT / "drops.sql"
    file.write_text("\n".join(lines) + "\n")
    return file


def _fill(sql: str, values: dict[str, str | None]) -> str:
    def value(match: re.Match[str]) -> str:
        found = values[match[1]]
        if found is None:
            raise KeyError(match[1])
        return found.replace(":'body'", "'" + _ANSWER + "'")

    # pgbench must not take the JSON of the answer for its own variables: it has `: "` after each name.
    return re.sub(r"%\((\w+)\)s", value, sql).replace("%%", "%")
