from django.urls import path

from ris_webapp.screens.patients import actions, views

app_name = "patients"

urlpatterns = [
    path("patients/", views.search, name="search"),
    path("patients/held/", views.held, name="held"),
    path("patients/held/<int:held_id>/apply", actions.apply_held, name="apply_held"),
    path("patients/held/<int:held_id>/refuse", actions.refuse_held, name="refuse_held"),
    path("patients/<int:patient_id>/", views.patient, name="patient"),
    path("patients/<int:patient_id>/edit/", actions.edit, name="edit"),
    path("patients/<int:patient_id>/merge/", views.compare, name="compare"),
    path("patients/<int:patient_id>/merge", actions.merge, name="merge"),
    path("patients/merges/<int:merge_id>/undo", actions.unmerge, name="unmerge"),
    path("patients/<int:patient_id>/identifiers", actions.add_identifier, name="add_identifier"),
    path("patients/identifiers/<int:identifier_id>/retire", actions.retire_identifier, name="retire_identifier"),
    path("patients/visits/<int:visit_id>/move", actions.move_visit, name="move_visit"),
]
