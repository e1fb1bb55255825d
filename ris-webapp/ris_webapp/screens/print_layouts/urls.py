"""Addresses of the print layouts."""

from __future__ import annotations

from django.urls import path

from ris_webapp.screens.print_layouts import files, views

app_name = "print_layouts"
urlpatterns = [
    path("print-layouts/", views.layouts, name="layouts"),
    path("print-layouts/new/", views.create, name="create"),
    path("print-layouts/ready", views.take_ready, name="ready"),
    path("print-layouts/preview", views.preview, name="preview"),
    path("print-layouts/preview.pdf", views.preview_pdf, name="preview_pdf"),
    path("print-layouts/export.zip", files.export, name="export"),
    path("print-layouts/import/", files.import_file, name="import"),
    path("print-layouts/pictures/", files.add_picture, name="add_picture"),
    path("print-layouts/pictures/<str:sha256>", files.picture, name="picture"),
    path("print-layouts/<int:layout_id>/", views.change, name="change"),
    path("print-layouts/<int:layout_id>/active", views.set_active_now, name="active"),
    path("print-layouts/<int:layout_id>/versions/<int:number>/restore", views.restore, name="restore"),
    path("print-layouts/<int:layout_id>/versions/<int:number>.pdf", views.version_pdf, name="version_pdf"),
]
