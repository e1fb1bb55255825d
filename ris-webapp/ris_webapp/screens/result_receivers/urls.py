"""Addresses of the receivers of results."""

from __future__ import annotations

from django.urls import path

from ris_webapp.screens.result_receivers import payment, views

app_name = "result_receivers"
urlpatterns = [
    path("admin/result-receivers/", views.receivers, name="receivers"),
    path("admin/result-receivers/new/", views.register, name="register"),
    path("admin/result-receivers/<int:receiver_id>/", views.change, name="change"),
    path("admin/result-receivers/<int:receiver_id>/test/", views.test, name="test"),
    path("admin/result-receivers/<int:receiver_id>/secret/", views.secret, name="secret"),
    path("admin/payment-rules/", payment.rules, name="payment_rules"),
]
