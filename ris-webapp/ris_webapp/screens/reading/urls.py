"""Addresses of the reading page and of what is done on it."""

from __future__ import annotations

from django.urls import path

from ris_webapp.screens.reading import actions, documents, key_images, views

app_name = "reading"
urlpatterns = [
    path("exams/words", actions.learn_word, name="learn_word"),
    path("exams/<int:exam_id>/priors/<int:prior_id>/differences", views.prior_differences, name="prior_differences"),
    path("exams/local-keep", views.local_keep, name="local_keep"),
    path("exams/next", actions.next_exam, name="next"),
    path("exams/<int:exam_id>/", views.page, name="page"),
    path("exams/<int:exam_id>/status", views.status, name="status"),
    path("exams/<int:exam_id>/images/", views.images, name="images"),
    path("exams/<int:exam_id>/priors/<int:prior_id>", views.prior, name="prior"),
    path("exams/<int:exam_id>/versions", views.versions, name="versions"),
    path("exams/<int:exam_id>/versions/compare", views.compare_states, name="compare_states"),
    path("exams/<int:exam_id>/drafts/<int:revision>", views.draft_state, name="draft_state"),
    path("exams/<int:exam_id>/differences", actions.differences, name="differences"),
    path("exams/<int:exam_id>/versions/<int:number>/report.pdf", documents.version_pdf, name="version_pdf"),
    path("exams/<int:exam_id>/preview.pdf", documents.preview, name="preview"),
    path("exams/<int:exam_id>/measurements", key_images.measurements, name="measurements"),
    path("exams/<int:exam_id>/key-images", key_images.choose, name="key_images"),
    path("exams/<int:exam_id>/key-images/order", key_images.arrange, name="arrange_key_images"),
    path("exams/<int:exam_id>/key-images/<int:key_image_id>", key_images.describe, name="key_image"),
    path("exams/<int:exam_id>/key-images/<int:key_image_id>.jpg", key_images.picture, name="key_image_picture"),
    path("exams/<int:exam_id>/key-images/<int:key_image_id>/remove", key_images.remove, name="remove_key_image"),
    path("exams/<int:exam_id>/key-images/<int:key_image_id>/restore", key_images.restore, name="restore_key_image"),
    path("exams/<int:exam_id>/claim", actions.claim, name="claim"),
    path("exams/<int:exam_id>/take-over", actions.take_over, name="take_over"),
    path("exams/<int:exam_id>/conclude", actions.conclude, name="conclude"),
    path("exams/<int:exam_id>/judge", actions.judge, name="judge"),
    path("exams/<int:exam_id>/hand-over", actions.hand_over, name="hand_over"),
    path("exams/<int:exam_id>/release", actions.release, name="release"),
    path("exams/<int:exam_id>/amend", actions.amend, name="amend"),
    path("exams/<int:exam_id>/draft", actions.draft, name="draft"),
    path("exams/<int:exam_id>/template", actions.template, name="template"),
    path("exams/<int:exam_id>/approve", actions.approve, name="approve"),
    path("exams/<int:exam_id>/compare", actions.compare, name="compare"),
    path("exams/<int:exam_id>/keep", actions.keep, name="keep"),
]
