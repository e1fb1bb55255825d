from django.urls import path

from ris_webapp.screens.comparing import views

app_name = "comparing"

urlpatterns = [
    path("compare/", views.compare, name="compare"),
    path("patients/<int:patient_id>/history/", views.history, name="history"),
]
