"""Addresses of the queue of studies that wait for a person."""

from __future__ import annotations

from django.urls import path

from ris_webapp.screens.unmatched import views

app_name = "unmatched"
urlpatterns = [
    path("unmatched/", views.queue, name="queue"),
    path("unmatched/<int:study_id>/", views.study, name="study"),
    path("unmatched/<int:study_id>/orders/", views.orders, name="orders"),
    path("unmatched/<int:study_id>/link/", views.link, name="link"),
    path("unmatched/<int:study_id>/reject/", views.reject, name="reject"),
    path("unmatched/<int:study_id>/new-order/", views.new_order, name="new_order"),
    path("unmatched/rejections/<int:rejection_id>/withdraw/", views.withdraw, name="withdraw"),
    path("unmatched/links/<int:study_link_id>/undo/", views.undo, name="undo"),
]
