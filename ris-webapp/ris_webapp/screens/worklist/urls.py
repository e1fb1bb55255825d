"""Addresses of the worklist of exams."""

from __future__ import annotations

from django.urls import path

from ris_webapp.screens.worklist import actions, views

app_name = "worklist"
urlpatterns = [
    path("", views.worklist, name="worklist"),
    path("start/", views.start, name="start"),
    path("worklist/start/", actions.choose_start, name="choose_start"),
    path("worklist/rows/", views.rows, name="rows"),
    path("worklist/side/", actions.side, name="side"),
    path("worklist/bulk/", actions.bulk, name="bulk"),
    path("worklist/columns/", actions.columns, name="columns"),
    path("worklist/lists/", actions.save_list, name="save_list"),
    path("worklist/lists/<int:list_id>/delete", actions.delete_list, name="delete_list"),
    path("worklist/folders/<int:folder_id>/delete", actions.delete_folder, name="delete_folder"),
    path("worklist/<int:procedure_id>/", views.preview, name="preview"),
]
