"""Addresses of login, logout and what a user sets for themselves."""

from __future__ import annotations

from django.urls import path

from ris_webapp.screens.login import by_provider, views

app_name = "login"
urlpatterns = [
    path("login/", views.login, name="login"),
    path("login/code/", views.code, name="code"),
    path("login/with/<slug:name>/", by_provider.begin, name="provider"),
    path("login/with/<slug:name>/return/", by_provider.come_back, name="provider_return"),
    path("login/with/<slug:name>/ended/", by_provider.ended, name="provider_ended"),
    path("logout/", views.logout, name="logout"),
    path("preferences/", views.preferences, name="preferences"),
    path("in-use/", views.in_use, name="in_use"),
    path("preferences/images/", views.images, name="images"),
    path("language/", views.language, name="language"),
]
