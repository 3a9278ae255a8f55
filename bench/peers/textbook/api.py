"""Drop-off and pickup in the ORM, on the portal's own models and schemas."""

from __future__ import annotations

import hmac
import json
import random
import time
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.utils import timezone
from ninja import NinjaAPI
from ninja.errors import HttpError
from ninja.security import HttpBearer

from common.clock import add_local_days
from common.wakeup import nudge
from lockerportal.http.health import livez
from lockers.models import Compartment, Kiosk, Location, Size
from notifications.models import Notification
from packages_app.api.schemas.drop_off import AssignIn
from packages_app.api.schemas.kiosks import PickupOut, PickupWithCodeIn
from packages_app.api.schemas.packages import PackageOut
from packages_app.keys.key_text import checksum as checksum_of
from packages_app.models import (
    ApiKey,
    IdempotencyKey,
    Package,
    PackageEvent,
    Recipient,
    WrongCodeTally,
)
from packages_app.secrets import pickup_codes

api = NinjaAPI(title="Textbook")


class KeyAuth(HttpBearer):
    """A key with this scope."""

    def __init__(self, scope: str) -> None:
        super().__init__()
        self.scope = scope

    def authenticate(self, request: HttpRequest, token: str) -> ApiKey | None:
        body, _, checksum = token.rpartition("_")
        parts = token.split("_")
        if len(parts) != 5 or checksum != checksum_of(body):
            return None
        key = (
            ApiKey.objects.select_related("courier", "kiosk__location")
            .filter(key_id=parts[2], kind=parts[1])
            .first()
        )
        now = timezone.now()
        if key is None or not hmac.compare_digest(sha256(body.encode()).digest(), bytes(key.digest)):
            return None
        if key.revoked_at is not None or key.expires_at <= now or self.scope not in key.scopes:
            return None
        if key.courier is not None and not key.courier.active:
            return None
        if key.last_used_at is None or (now - key.last_used_at).total_seconds() > 60:
            key.last_used_at = now
            key.save(update_fields=["last_used_at"])
        return key


@api.post("/lockers/assign", auth=KeyAuth("packages"), response={201: PackageOut}, exclude_unset=True)
def assign(request: HttpRequest, body: AssignIn) -> Any:
    key: ApiKey = request.auth
    canonical = json.dumps(json.loads(request.body), sort_keys=True, separators=(",", ":"))
    fingerprint = sha256(f"{request.method} {request.path} {canonical}".encode()).digest()
    for _ in range(8):
        with transaction.atomic():
            kept, created = IdempotencyKey.objects.get_or_create(
                courier=key.courier,
                key=request.headers["Idempotency-Key"],
                defaults={"fingerprint": fingerprint},
            )
            if not created:
                if bytes(kept.fingerprint) != fingerprint:
                    raise HttpError(422, "idempotency_key_reused")
                return JsonResponse(json.loads(kept.body)["body"], status=kept.status)
            package = place(key, body)
            if package is None:
                transaction.set_rollback(True)
            else:
                answer = package_body(package)
                kept.status, kept.body = 201, json.dumps({"body": {**answer, "pickup_code": None}})
                kept.save(update_fields=["status", "body"])
        if package is not None:
            nudge()
            return 201, answer
        time.sleep(random.uniform(0, 0.02))
    raise HttpError(409, "location_full")


def place(key: ApiKey, body: AssignIn) -> Package | None:
    location = Location.objects.filter(code=body.location).first()
    if location is None:
        raise HttpError(404, "unknown_location")
    if location.suspended_at is not None:
        raise HttpError(409, "location_suspended")
    live = Package.objects.filter(courier=key.courier, tracking_number=body.tracking_number)
    if live.filter(released_at__isnull=True).exists():
        raise HttpError(409, "duplicate_tracking_number")
    size = Size[body.size]
    door = (
        Compartment.objects.select_related("locker")
        .select_for_update(of=("self",), skip_locked=True)
        .filter(location=location, size__gte=size, occupancy="empty", out_of_service_at__isnull=True)
        .order_by("size", "position")
        .first()
    )
    if door is None:
        return None
    door.occupancy = Compartment.Occupancy.OCCUPIED
    door.save(update_fields=["occupancy"])
    now = timezone.now()
    recipient = Recipient.objects.create(
        name=body.recipient.name,
        email=body.recipient.email or "",
        phone=body.recipient.phone or "",
        language=body.recipient.language,
    )
    package = Package(
        courier=key.courier,
        tracking_number=body.tracking_number,
        location=location,
        compartment=door,
        recipient=recipient,
        size=size,
        accessible=body.accessible,
        status="STORED",
        created_at=now,
        stored_at=now,
        expires_at=add_local_days(now, location.hold_days, location.zone),
    )
    code = pickup_codes.issue(package.pk, location.pk)
    package.code_version, package.code_secret, package.code_mac = code.version, code.secret_id, code.mac
    package.save(force_insert=True)
    by = f"courier:{key.courier.code}"
    PackageEvent.objects.create(
        package=package, event="assigned", from_status="", to_status="PENDING", by=by, compartment=door
    )
    line = PackageEvent.objects.create(
        package=package, event="deposited", from_status="PENDING", to_status="STORED", by=by, compartment=door
    )
    tell(package, "stored", line, priority=1)
    return package


def tell(package: Package, kind: str, line: PackageEvent, priority: int = 5) -> None:
    for channel in package.recipient.channels:
        Notification.objects.create(
            kind=kind,
            channel=channel,
            subject=f"package:{package.pk}",
            dedup_key=f"event:{line.pk}:{channel}",
            priority=priority,
        )


def package_body(package: Package) -> dict[str, Any]:
    def moment(value: Any) -> str | None:
        return value.strftime("%Y-%m-%dT%H:%M:%SZ") if value else None

    return {
        "id": str(package.pk),
        "tracking_number": package.tracking_number,
        "status": package.status,
        "size": Size(package.size).name,
        "location": package.location.code,
        "compartment": door_body(package.compartment),
        "created_at": moment(package.created_at),
        "reserved_until": None,
        "stored_at": moment(package.stored_at),
        "expires_at": moment(package.expires_at),
        "retrieved_at": None,
        "cancelled_at": None,
        "returned_at": None,
        "opened_at": None,
        "held_at": None,
        "collected_by": None,
        "delegate": None,
        "pickup_code": pickup_codes.compute(package.pk, package.code_version, package.code_secret),
    }


def door_body(door: Compartment) -> dict[str, Any]:
    return {"id": door.pk, "locker": door.locker.name, "label": door.label, "size": Size(door.size).name}


@api.post("/pickup", auth=KeyAuth("pickup"), response=PickupOut)
def pick_up(request: HttpRequest, body: PickupWithCodeIn) -> Any:
    key: ApiKey = request.auth
    location = key.kiosk.location
    now = timezone.now()
    digits = pickup_codes.clean(body.code)
    if digits is None:
        raise HttpError(404, "unknown_code")
    with transaction.atomic():
        kiosk = Kiosk.objects.select_for_update().get(pk=key.kiosk_id)
        if kiosk.locked_until is not None and kiosk.locked_until > now:
            raise HttpError(429, "too_many_attempts")
        today = now.astimezone(ZoneInfo(location.time_zone)).date()
        tally = WrongCodeTally.objects.filter(location=location, day=today).first()
        if tally is not None and tally.failures >= settings.PICKUP_DAILY_FAILURES and not body.phone_last4:
            raise HttpError(403, "phone_check_required")
        package = (
            Package.objects.select_for_update(of=("self",))
            .select_related("recipient", "compartment__locker")
            .filter(location=location, code_mac__in=pickup_codes.macs(location.pk, digits))
            .first()
        )
        if package is not None:
            if package.status != "STORED" or package.expires_at <= now:
                raise HttpError(409, "expired")
            package.status = "RETRIEVED"
            package.retrieved_at = package.released_at = package.updated_at = now
            package.code_mac = None
            package.pickup_receipt = (
                pickup_codes.receipt(location.pk, digits, body.nonce) if body.nonce else None
            )
            package.save()
            door = package.compartment
            door.occupancy = Compartment.Occupancy.EMPTY
            door.save(update_fields=["occupancy"])
            line = PackageEvent.objects.create(
                package=package,
                event="retrieved",
                from_status="STORED",
                to_status="RETRIEVED",
                by=f"kiosk:{location.code}/{kiosk.name}",
            )
            tell(package, "retrieved", line)
            if kiosk.wrong_codes_in_row:
                kiosk.wrong_codes_in_row = 0
                kiosk.save(update_fields=["wrong_codes_in_row"])
        else:
            kiosk.wrong_codes_in_row += 1
            kiosk.save(update_fields=["wrong_codes_in_row"])
    if package is None:
        raise HttpError(404, "unknown_code")
    nudge()
    return {"package_id": str(package.pk), "status": package.status, "compartment": door_body(door)}


urlpatterns = [path("api/v1/", api.urls), path("livez", livez)]
