"""Addresses of accounts and of one's own password."""

from __future__ import annotations

from django.urls import path

from ris_webapp.screens.accounts import importing, own, second_factor, security_keys, users

app_name = "accounts"
urlpatterns = [
    path("account/password/", own.password, name="password"),
    path("account/second-factor/", second_factor.second_factor, name="second_factor"),
    path("account/security-keys/", security_keys.add, name="add_security_key"),
    path("account/security-keys/<int:key_id>/remove/", security_keys.remove, name="remove_security_key"),
    path("account/sessions/", own.sessions, name="sessions"),
    path("account/sessions/<int:session_id>/end/", own.end, name="end_session"),
    path("account/sessions/end-others/", own.end_others, name="end_other_sessions"),
    path("admin/users/", users.users, name="users"),
    path("admin/users/new/", users.create, name="create"),
    path("admin/users/import/", importing.import_file, name="import_file"),
    path("admin/users/import/staff.csv", importing.import_example, name="import_example"),
    path("admin/users/<int:user_id>/", users.edit, name="edit"),
    path("admin/users/<int:user_id>/reset-password/", users.reset, name="reset"),
    path("admin/users/<int:user_id>/withdraw/", users.withdraw, name="withdraw"),
    path("admin/users/<int:user_id>/restore/", users.restore, name="restore"),
    path("admin/users/<int:user_id>/end-sessions/", users.log_out, name="log_out"),
    path("admin/users/<int:user_id>/second-factor/", second_factor.take_away, name="take_away_second_factor"),
    path("admin/users/<int:user_id>/unlock/", users.unlock, name="unlock"),
]
