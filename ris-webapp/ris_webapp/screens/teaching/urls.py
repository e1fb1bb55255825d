"""Addresses of teaching cases."""

from __future__ import annotations

from django.urls import path

from ris_webapp.screens.teaching import actions, making, views

app_name = "teaching"
urlpatterns = [
    path("teaching/", views.cases, name="cases"),
    path("teaching/new/", making.create, name="create"),
    path("teaching/<int:case_id>/", views.case, name="case"),
    path("teaching/<int:case_id>/pictures", views.pictures, name="pictures"),
    path("teaching/<int:case_id>/images/<int:position>.jpg", views.picture, name="picture"),
    path("teaching/<int:case_id>/edit/", making.edit, name="edit"),
    path("teaching/<int:case_id>/images/<int:position>/remove/", actions.remove, name="remove"),
    path("teaching/<int:case_id>/open/", actions.open_, name="open"),
    path("teaching/<int:case_id>/withdraw/", actions.withdraw, name="withdraw"),
    path("teaching/<int:case_id>/delete/", actions.delete, name="delete"),
    path("teaching/<int:case_id>/exam/", actions.exam, name="exam"),
    path("teaching/<int:case_id>/export/", actions.export, name="export"),
]
