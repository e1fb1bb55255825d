"""Addresses of the portal: the patients' own, and those of the staff who hand out slips and decide."""

from __future__ import annotations

from django.urls import path

from ris_webapp.screens.portal import door, results, rules, sharing, staff

app_name = "portal"
urlpatterns = [
    path("portal/", door.door, name="door"),
    path("portal/enter", door.enter_with_slip, name="enter"),
    path("portal/code/", door.code, name="code"),
    path("portal/leave", door.leave_portal, name="leave"),
    path("portal/results/", results.results, name="results"),
    path("portal/results/<slug:handle>/", results.result, name="result"),
    path("portal/results/<slug:handle>/report", results.report, name="report"),
    path("portal/results/<slug:handle>/read", results.report_page, name="report_page"),
    path("portal/results/<slug:handle>/images", results.images, name="images"),
    path("portal/viewers/", results.viewers, name="viewers"),
    path("portal/shares/", sharing.shares, name="shares"),
    path("portal/shares/<slug:handle>/revoke", sharing.revoke, name="revoke"),
    path("portal/consent/withdraw", sharing.withdraw, name="withdraw_consent"),
    path("patients/<int:patient_id>/portal/", staff.patient, name="patient"),
    path("patients/<int:patient_id>/portal/slip", staff.make, name="make"),
    path("patients/<int:patient_id>/portal/slips/<int:slip_id>/withdraw", staff.withdraw, name="withdraw"),
    path("exams/<int:exam_id>/portal", staff.decide, name="decide"),
    path("admin/portal/", rules.rules, name="rules"),
    path("admin/portal/<int:rule_id>/remove", rules.remove, name="remove_rule"),
]
