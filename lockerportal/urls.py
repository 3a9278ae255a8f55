"""The URLs of the portal."""

from __future__ import annotations

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path

from lockerportal.http import health, views
from lockerportal.http.api import api
from lockers.urls import urlpatterns as lockers_urlpatterns
from notifications.urls import receipt_urlpatterns
from packages_app.urls import kiosk_urlpatterns, manage_urlpatterns, recipient_urlpatterns

# Head office reads the times of all locations in one time zone, so every admin page names it.
admin.site.site_title = "Locker Portal"
admin.site.site_header = f"Locker Portal · times in {settings.TIME_ZONE}"
admin.site.index_title = "Head office"

urlpatterns = [
    path("", views.home, name="home"),
    path("favicon.ico", views.favicon),
    path(
        "accounts/login/",
        LoginView.as_view(template_name="login.html", redirect_authenticated_user=True, next_page="home"),
        name="login",
    ),
    path("accounts/logout/", LogoutView.as_view(), name="logout"),
    path("manage/", include((lockers_urlpatterns + manage_urlpatterns, "manage"))),
    path("kiosk/", include((kiosk_urlpatterns, "kiosk"))),
    path("api/v1/", api.urls),
    path("admin/", admin.site.urls),
    *recipient_urlpatterns,
    path("", include((receipt_urlpatterns, "receipts"))),
    path("livez", health.livez),
    path("readyz", health.readyz),
    path("", include("notifications.urls")),  # the developer's mailbox: 404 outside DEBUG
]
