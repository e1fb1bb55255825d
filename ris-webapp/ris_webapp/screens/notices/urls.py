from django.urls import path

from ris_webapp.screens.notices import views

app_name = "notices"

urlpatterns = [path("notices/<int:notice_id>/acknowledge", views.acknowledge, name="acknowledge")]
