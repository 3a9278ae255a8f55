"""URLs of messages: where providers post delivery receipts, and the developer's mailbox."""

from django.urls import path

from notifications.dev import views
from notifications.receipts import tracking
from notifications.receipts.views import receive

receipt_urlpatterns = [
    path("receipts/<str:provider>/", receive, name="receive"),
    *tracking.urlpatterns(),
]

app_name = "mailbox"
urlpatterns = [
    path("dev/mailbox/", views.mailbox_page, name="list"),
    path("dev/mailbox/<int:position>/", views.mailbox_message, name="message"),
    path("dev/mailbox/<int:position>/html/", views.mailbox_html, name="html"),
]
