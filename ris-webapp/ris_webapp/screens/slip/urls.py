"""Addresses of exam slips."""

from __future__ import annotations

from django.urls import path

from ris_webapp.screens.slip import views

app_name = "slip"
urlpatterns = [
    path("slips/", views.several, name="several"),
    path("exams/<int:procedure_id>/slip/", views.page, name="page"),
    path("exams/<int:procedure_id>/slip.pdf", views.pdf, name="pdf"),
    path("slips/slip.css", views.style, name="style"),
]
