"""Addresses of the deliveries' inbox."""

from __future__ import annotations

from ris_webapp.screens.deliveries.page import Deliveries
from ris_webapp.screens.outbox.views import addresses

app_name = "deliveries"
urlpatterns = addresses(Deliveries())
