"""Every screen's addresses: one line to add a screen."""

from __future__ import annotations

from django.urls import include, path

SCREENS = (
    "ris_webapp.screens.login.urls",
    "ris_webapp.screens.worklist.urls",
    "ris_webapp.screens.patients.urls",
    "ris_webapp.screens.comparing.urls",
    "ris_webapp.screens.notices.urls",
    "ris_webapp.screens.orders.urls",
    "ris_webapp.screens.catalogue.urls",
    "ris_webapp.screens.unmatched.urls",
    "ris_webapp.screens.slip.urls",
    "ris_webapp.screens.labels.urls",
    "ris_webapp.screens.matching_policy.urls",
    "ris_webapp.screens.studies.urls",
    "ris_webapp.screens.tag_rules.urls",
    "ris_webapp.screens.hanging.urls",
    "ris_webapp.screens.devices.urls",
    "ris_webapp.screens.messages.urls",
    "ris_webapp.screens.profiles.urls",
    "ris_webapp.screens.jobs.urls",
    "ris_webapp.screens.dashboard.urls",
    "ris_webapp.screens.health.urls",
    "ris_webapp.screens.reading.urls",
    "ris_webapp.screens.report_templates.urls",
    "ris_webapp.screens.print_layouts.urls",
    "ris_webapp.screens.viewer_launch.urls",
    "ris_webapp.screens.sharing.urls",
    "ris_webapp.screens.teaching.urls",
    "ris_webapp.screens.exports.urls",
    "ris_webapp.screens.referrers.urls",
    "ris_webapp.screens.portal.urls",
    "ris_webapp.screens.imports.urls",
    "ris_webapp.screens.signing.urls",
    "ris_webapp.screens.signing_policy.urls",
    "ris_webapp.screens.deliveries.urls",
    "ris_webapp.screens.result_receivers.urls",
    "ris_webapp.screens.returns.urls",
    "ris_webapp.screens.statistics.urls",
    "ris_webapp.screens.notifications.urls",
    "ris_webapp.screens.accounts.urls",
    "ris_webapp.screens.roles.urls",
    "ris_webapp.screens.access_log.urls",
    "ris_webapp.screens.data_requests.urls",
    "ris_webapp.screens.sight.urls",
    "ris_webapp.screens.api_keys.urls",
    "ris_webapp.screens.receivers.urls",
    "ris_webapp.screens.criticals.urls",
    "ris_webapp.screens.peer_reviews.urls",
    "ris_webapp.screens.acquisition.urls",
    "ris_webapp.screens.reading_rules.urls",
    "ris_webapp.screens.reading_targets.urls",
    "ris_webapp.screens.webhooks.urls",
    "ris_webapp.gateway.urls",
    "ris_webapp.api.urls",
    "ris_webapp.fhir.urls",
    "ris_webapp.scim.urls",
)

urlpatterns = [path("", include(screen)) for screen in SCREENS]

handler400 = "ris_webapp.errors.bad_request"
handler404 = "ris_webapp.errors.not_found"
handler500 = "ris_webapp.errors.server_error"
