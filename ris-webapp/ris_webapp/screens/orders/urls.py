"""Addresses of orders."""

from __future__ import annotations

from django.urls import path

from ris_webapp.screens.orders import actions, making, rules, views

app_name = "orders"
urlpatterns = [
    path("orders/", views.orders, name="orders"),
    path("orders/new/", making.new, name="new"),
    path("orders/new/patients", making.patients, name="patients"),
    path("orders/new/services", making.services, name="services"),
    path("orders/rules/", rules.rules, name="rules"),
    path("orders/rules/new/", rules.rule, name="new_rule"),
    path("orders/rules/<int:rule_id>/", rules.rule, name="rule"),
    path("orders/<int:request_id>/", views.order, name="order"),
    path("orders/<int:request_id>/accession", actions.change_accession, name="change_accession"),
    path("orders/procedures/<int:procedure_id>/", views.of_procedure, name="of_procedure"),
    path("orders/procedures/<int:procedure_id>/change/", making.change, name="change"),
    path("orders/procedures/<int:procedure_id>/end", actions.end, name="end"),
    path("orders/procedures/<int:procedure_id>/placer", actions.change_placer, name="change_placer"),
    path("orders/procedures/<int:procedure_id>/link", actions.link, name="link"),
    path("orders/links/<int:order_link_id>/undo", actions.unlink, name="unlink"),
    path("orders/numbers/<int:former_id>/restore", actions.restore, name="restore"),
    path("orders/documents/<int:document_id>", views.document, name="document"),
]
