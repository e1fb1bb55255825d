"""Addresses of the inbox of HL7 messages."""

from __future__ import annotations

from django.urls import path

from ris_webapp.screens.messages import actions, views

app_name = "messages"
urlpatterns = [
    path("messages/", views.messages, name="messages"),
    path("messages/<int:message_id>/", views.message, name="message"),
    path("messages/replay/", actions.replay, name="replay"),
    path("messages/dismiss/", actions.dismiss, name="dismiss"),
    path("messages/<int:message_id>/correct/", actions.correct, name="correct"),
    path("messages/<int:message_id>/confirm/", actions.confirm, name="confirm"),
    path("messages/<int:message_id>/take-back/", actions.take_back, name="take_back"),
]
