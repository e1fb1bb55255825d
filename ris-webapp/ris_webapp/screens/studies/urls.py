"""Addresses of studies: what arrived, what is done with it, and pictures."""

from __future__ import annotations

from django.urls import path

from ris_webapp import thumbnails
from ris_webapp.screens.studies import copies, problems, views

app_name = "studies"
urlpatterns = [
    path("studies/<int:study_id>/", views.study, name="study"),
    path("studies/<int:study_id>/do/<slug:operation>", views.operate, name="operate"),
    path("studies/<int:study_id>/operations/<int:operation_id>/undo", views.undo, name="undo"),
    path("studies/<int:study_id>/problem/<slug:action>", problems.act, name="problem"),
    path("studies/<int:study_id>/copies/<int:copy_id>/decide", copies.decide, name="decide_copy"),
    path("studies/<int:study_id>/copies/<int:copy_id>/file", copies.file, name="copy_file"),
    path("studies/<int:study_id>/copies/<int:copy_id>/<slug:which>.jpg", copies.picture, name="copy_picture"),
    path("studies/<int:study_id>/thumbnail/", thumbnails.study_thumbnail, name="thumbnail"),
    path(
        "studies/<int:study_id>/series/<str:series_id>/thumbnail/", thumbnails.series_thumbnail, name="series_thumbnail"
    ),
]
