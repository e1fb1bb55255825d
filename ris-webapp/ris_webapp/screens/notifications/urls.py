"""Addresses of the notifications' inbox."""

from __future__ import annotations

from ris_webapp.screens.notifications.page import Notifications
from ris_webapp.screens.outbox.views import addresses

app_name = "notifications"
urlpatterns = addresses(Notifications())
