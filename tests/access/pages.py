"""Who is answered what by the pages. A new page needs two rows here, for GET and for POST; a test says so."""

from __future__ import annotations

from typing import Any

from packages_app.life.lifecycle import Status
from packages_app.messaging import links
from packages_app.models import Package
from tests.access.table import Case, read
from tests.access.world import World
from tests.world import door

# Manager 1 runs the location where the package and the door are; manager 2 another one. 302 leads `nobody`
# to the sign-in, and everybody else to where they belong or to the page that shows what a form has done.
ACTORS, ROWS = read(
    """
page                                                         nobody manager_1 manager_2 staff superuser
GET  /                                                       200    302       302       302   302
POST /                                                       405    405       405       405   405
GET  /favicon.ico                                            302    302       302       302   302
POST /favicon.ico                                            405    405       405       405   405
GET  /livez                                                  200    200       200       200   200
POST /livez                                                  405    405       405       405   405
GET  /readyz                                                 200    200       200       200   200
POST /readyz                                                 405    405       405       405   405
GET  /accounts/login/                                        200    302       302       302   302
POST /accounts/login/                                        200    302       302       302   302
GET  /accounts/logout/                                       405    405       405       405   405
POST /accounts/logout/                                       302    302       302       302   302

GET  /manage/                                                302    200       200       200   200
POST /manage/                                                302    405       405       405   405
GET  /manage/locations/<location_code:code>/                 302    200       404       200   200
POST /manage/locations/<location_code:code>/                 302    405       405       405   405
GET  /manage/locations/<location_code:code>/packages/        302    200       404       200   200
POST /manage/locations/<location_code:code>/packages/        302    405       405       405   405
GET  /manage/locations/<location_code:code>/queue/           302    200       404       200   200
POST /manage/locations/<location_code:code>/queue/           302    405       405       405   405
GET  /manage/locations/<location_code:code>/returns/         302    200       404       200   200
POST /manage/locations/<location_code:code>/returns/         302    405       405       405   405
GET  /manage/locations/<location_code:code>/returns/taken-out/ 302    405       405       405   405
POST /manage/locations/<location_code:code>/returns/taken-out/ 302    302       404       302   302
GET  /manage/locations/<location_code:code>/downtimes/       302    200       404       200   200
POST /manage/locations/<location_code:code>/downtimes/       302    405       405       405   405
GET  /manage/locations/<location_code:code>/downtimes/suspend/ 302  405       405       405   405
POST /manage/locations/<location_code:code>/downtimes/suspend/ 302  302       404       302   302
GET  /manage/locations/<location_code:code>/downtimes/resume/ 302   405       405       405   405
POST /manage/locations/<location_code:code>/downtimes/resume/ 302   302       404       302   302
GET  /manage/packages/<uuid:pk>/                             302    200       404       200   200
POST /manage/packages/<uuid:pk>/                             302    405       405       405   405
GET  /manage/packages/<uuid:pk>/resend-code/                 302    405       405       405   405
POST /manage/packages/<uuid:pk>/resend-code/                 302    302       404       302   302
GET  /manage/packages/<uuid:pk>/extend/                      302    405       405       405   405
POST /manage/packages/<uuid:pk>/extend/                      302    302       404       302   302
GET  /manage/packages/<uuid:pk>/hold/                        302    405       405       405   405
POST /manage/packages/<uuid:pk>/hold/                        302    302       404       302   302
GET  /manage/packages/<uuid:pk>/release/                     302    405       405       405   405
POST /manage/packages/<uuid:pk>/release/                     302    302       404       302   302
GET  /manage/doors/<int:pk>/                                 302    200       404       200   200
POST /manage/doors/<int:pk>/                                 302    405       405       405   405
GET  /manage/doors/<int:pk>/take-out/                        302    405       405       405   405
POST /manage/doors/<int:pk>/take-out/                        302    302       404       302   302
GET  /manage/doors/<int:pk>/put-back/                        302    405       405       405   405
POST /manage/doors/<int:pk>/put-back/                        302    302       404       302   302
GET  /manage/doors/<int:pk>/plan-repair/                     302    405       405       405   405
POST /manage/doors/<int:pk>/plan-repair/                     302    302       404       302   302
GET  /manage/doors/<int:pk>/confirm-repair/                  302    405       405       405   405
POST /manage/doors/<int:pk>/confirm-repair/                  302    302       404       302   302
GET  /manage/doors/<int:pk>/confirm-empty/                   302    405       405       405   405
POST /manage/doors/<int:pk>/confirm-empty/                   302    302       404       302   302
GET  /manage/doors/<int:pk>/found/                           302    405       405       405   405
POST /manage/doors/<int:pk>/found/                           302    302       404       302   302

GET  /kiosk/                                                 302    302       302       302   302
POST /kiosk/                                                 302    302       302       302   302
GET  /kiosk/connect/                                         200    200       200       200   200
POST /kiosk/connect/                                         200    200       200       200   200
GET  /kiosk/door/                                            302    302       302       302   302
POST /kiosk/door/                                            405    405       405       405   405

GET  /p/<str:token>/                                         200    200       200       200   200
POST /p/<str:token>/                                         302    302       302       302   302

GET  /receipts/<str:provider>/                               405    405       405       405   405
POST /receipts/<str:provider>/                               401    401       401       401   401

GET  /dev/mailbox/                                           404    404       404       404   404
POST /dev/mailbox/                                           405    405       405       405   405
GET  /dev/mailbox/<int:position>/                            404    404       404       404   404
POST /dev/mailbox/<int:position>/                            405    405       405       405   405
GET  /dev/mailbox/<int:position>/html/                       404    404       404       404   404
POST /dev/mailbox/<int:position>/html/                       405    405       405       405   405
"""
)

# The admin is for staff: everybody else is led to its sign-in. Staff without a right to a model are refused
# by all of its pages; what stands here is open to every member of staff, or to nobody.
ADMIN_ACTORS, ADMIN_ROWS = read(
    """
page                                                         staff superuser
GET  /admin/                                                 200   200
GET  /admin/login/                                           302   302
GET  /admin/jsi18n/                                          200   200
GET  /admin/password_change/                                 200   200
GET  /admin/password_change/done/                            200   200
GET  /admin/autocomplete/                                    403   403
GET  /admin/r/1/1/                                           404   404
GET  /admin/logout/                                          405   405
"""
)
# What the admin itself leaves open for everybody: its sign-in and sign-out.
ADMIN_OPEN = {"/admin/login/", "/admin/logout/"}


def _package(world: World, package: Package) -> dict[str, Any]:
    return {"pk": package.pk}


def _door(world: World, package: Package) -> dict[str, Any]:
    return {"pk": door(world.here, "L1").pk}


def _location(world: World, package: Package) -> dict[str, Any]:
    return {"code": world.here.code}


def _token(world: World, package: Package) -> dict[str, Any]:
    return {"token": links.token(package)}  # who has the link may see the page, whoever they are


def _provider(world: World, package: Package) -> dict[str, Any]:
    return {"provider": "first"}  # whoever asks: the signature counts, and this one has none


def _seen(world: World, ids: Any) -> dict[str, Any]:
    return {"seen": Package.objects.get(pk=ids["package_id"]).updated_at.isoformat(), "hours": 24}


OF = {"/manage/packages/": _package, "/manage/doors/": _door, "/manage/locations/": _location}
CASES = {
    "POST /manage/locations/<location_code:code>/returns/taken-out/": Case(
        body=lambda world, ids: {"packages": [str(ids["package_id"])]}, status=Status.EXPIRED, ids=_location
    ),
    "POST /manage/packages/<uuid:pk>/resend-code/": Case(body=_seen, ids=_package),
    "POST /manage/packages/<uuid:pk>/extend/": Case(body=_seen, ids=_package),
    "POST /manage/packages/<uuid:pk>/hold/": Case(body={"reason": "fraud"}, ids=_package),
    "GET /receipts/<str:provider>/": Case(ids=_provider),
    "POST /receipts/<str:provider>/": Case(body={"id": "1", "status": "delivered"}, ids=_provider),
    "GET /p/<str:token>/": Case(ids=_token),
    "POST /manage/locations/<location_code:code>/downtimes/suspend/": Case(
        body={"reason": "flood"}, ids=_location
    ),
    "POST /p/<str:token>/": Case(body=_seen, ids=_token),
    "POST /manage/doors/<int:pk>/take-out/": Case(body={"reason": "hinge"}, ids=_door),
}


def case_of(page: str) -> Case:
    """The page's own, or one that only names what its address begins with."""
    ids = next((make for start, make in OF.items() if page.split(" ")[1].startswith(start)), None)
    return CASES.get(page) or Case(ids=ids or (lambda world, package: {"position": 1}))
