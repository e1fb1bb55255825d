"""Addresses of signing, of one's keys, and of the check that anybody may make."""

from __future__ import annotations

from django.urls import path

from ris_webapp.screens.signing import checking, files, keys, on_reading_page, views

app_name = "signing"
urlpatterns = [
    path("signing/", views.page, name="signing"),
    path("signing/sign/", views.sign, name="sign"),
    path("signing/batches/<int:batch_id>/<str:step>/", views.step_batch, name="batch"),
    path("signing/<int:signature_id>/withdraw/", views.withdraw_signature, name="withdraw"),
    path("signing/files/<int:signature_id>/<str:kind>", files.signed_file, name="file"),
    path("signing/keys/", keys.keys, name="keys"),
    path("signing/keys/<int:credential_id>/unlock/", keys.unlock_key, name="unlock"),
    path("signing/keys/<int:credential_id>/lock/", keys.lock_key, name="lock"),
    path("signing/keys/<int:credential_id>/remove/", keys.remove_key, name="remove"),
    path("exams/<int:exam_id>/sign", on_reading_page.sign_exam, name="sign_exam"),
    path("verify/", checking.verify, name="verify"),
]
