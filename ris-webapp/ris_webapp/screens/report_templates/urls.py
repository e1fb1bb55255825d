"""Addresses of the report templates, the phrases, and the words of the spelling check."""

from __future__ import annotations

from django.urls import path

from ris_webapp.screens.report_templates import phrases, views

app_name = "report_templates"
urlpatterns = [
    path("report-templates/", views.templates, name="templates"),
    path("report-templates/new/", views.create, name="create"),
    path("report-templates/export.json", views.export, name="export"),
    path("report-templates/import/", views.import_file, name="import"),
    path("report-templates/ready", views.take_ready, name="ready"),
    path("report-templates/preview", views.preview, name="preview"),
    path("report-templates/<int:template_id>/", views.change, name="change"),
    path("report-templates/<int:template_id>/active", views.set_active_now, name="active"),
    path("report-templates/<int:template_id>/versions/<int:number>/restore", views.restore, name="restore"),
    path("report-templates/phrases/", phrases.phrases, name="phrases"),
    path("report-templates/phrases/ready", phrases.take_ready, name="ready_phrases"),
    path("report-templates/phrases/<int:phrase_id>/active", phrases.set_active, name="phrase_active"),
    path("report-templates/words/<int:word_id>/remove", phrases.remove, name="remove_word"),
]
