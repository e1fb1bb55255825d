"""Addresses of the master data; ``name`` is one of :class:`ris_core.catalogue.entries.EntryKind`."""

from __future__ import annotations

from django.urls import path

from ris_webapp.screens.catalogue import views

app_name = "catalogue"
urlpatterns = [
    path("catalogue/<slug:name>/", views.catalogue, name="catalogue"),
    path("catalogue/<slug:name>/export", views.export, name="export"),
    path("catalogue/<slug:name>/import", views.import_file, name="import_file"),
    path("catalogue/<slug:name>/new/", views.entry, name="new"),
    path("catalogue/<slug:name>/<int:entry_id>/", views.entry, name="entry"),
]
