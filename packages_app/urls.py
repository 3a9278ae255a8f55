"""URLs of the pages about packages.

`lockerportal/urls.py` includes them in the namespaces `manage` and `kiosk`.
"""

from __future__ import annotations

from django.urls import path

from packages_app.pages.kiosk import views as kiosk
from packages_app.pages.manager import doors, downtimes, packages, returns
from packages_app.pages.recipient import views as parcel

manage_urlpatterns = [
    path("", packages.locations, name="locations"),
    path("locations/<location_code:code>/packages/", packages.packages, name="packages"),
    path("locations/<location_code:code>/queue/", packages.queue, name="queue"),
    path("locations/<location_code:code>/returns/", returns.returns, name="returns"),
    path("locations/<location_code:code>/returns/taken-out/", returns.taken_out, name="taken_out"),
    path("locations/<location_code:code>/downtimes/", downtimes.downtimes, name="downtimes"),
    path("locations/<location_code:code>/downtimes/suspend/", downtimes.suspend, name="suspend"),
    path("locations/<location_code:code>/downtimes/resume/", downtimes.resume, name="resume"),
    path("packages/<uuid:pk>/", packages.package, name="package"),
    path("packages/<uuid:pk>/resend-code/", packages.resend_code, name="resend_code"),
    path("packages/<uuid:pk>/extend/", packages.extend, name="extend"),
    path("packages/<uuid:pk>/hold/", packages.hold, name="hold"),
    path("packages/<uuid:pk>/release/", packages.release, name="release"),
    path("doors/<int:pk>/", doors.compartment, name="door"),
    path("doors/<int:pk>/take-out/", doors.take_out, name="take_out"),
    path("doors/<int:pk>/plan-repair/", doors.plan_repair, name="plan_repair"),
    path("doors/<int:pk>/confirm-repair/", doors.confirm_repair, name="confirm_repair"),
    path("doors/<int:pk>/put-back/", doors.put_back, name="put_back"),
    path("doors/<int:pk>/found/", doors.parcel_found, name="parcel_found"),
    path("doors/<int:pk>/confirm-empty/", doors.confirm_empty, name="confirm_empty"),
]

# Short and without a namespace, because the link is sent by SMS.
recipient_urlpatterns = [
    path("p/<str:token>/", parcel.parcel, name="parcel"),
]

kiosk_urlpatterns = [
    path("", kiosk.pad, name="pad"),
    path("connect/", kiosk.connect, name="connect"),
    path("door/", kiosk.door, name="door"),
]
