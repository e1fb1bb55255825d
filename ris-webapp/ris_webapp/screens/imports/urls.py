"""Addresses of images from outside."""

from __future__ import annotations

from django.urls import path

from ris_webapp.screens.imports import deciding, uploading, views

app_name = "imports"
urlpatterns = [
    path("imports/", views.imports, name="imports"),
    path("imports/new/", views.create, name="create"),
    path("imports/<int:import_id>/", views.one, name="one"),
    path("imports/<int:import_id>/state", views.state, name="state"),
    path("imports/<int:import_id>/files", uploading.add, name="add"),
    path("imports/<int:import_id>/files/<int:number>", uploading.piece, name="piece"),
    path("imports/<int:import_id>/finish/", uploading.finish, name="finish"),
    path("imports/<int:import_id>/decide/<int:found_id>/", deciding.say, name="decide"),
    path("imports/<int:import_id>/store/", deciding.store, name="store"),
    path("imports/<int:import_id>/end/", deciding.end, name="end"),
    path("imports/<int:import_id>/reject/", deciding.reject, name="reject"),
]
