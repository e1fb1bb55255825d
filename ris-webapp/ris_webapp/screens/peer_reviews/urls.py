"""Addresses of peer review."""

from __future__ import annotations

from django.urls import path

from ris_webapp.screens.peer_reviews import views

app_name = "peer_reviews"
urlpatterns = [
    path("peer-reviews/", views.inbox, name="inbox"),
    path("peer-reviews/<int:review_id>/", views.review, name="review"),
    path("peer-reviews/results/", views.results, name="results"),
    path("peer-reviews/results.xlsx", views.export, name="export"),
    path("peer-reviews/rules/", views.rules, name="rules"),
    path("peer-reviews/rules/<int:rule_id>/remove", views.remove, name="remove"),
]
