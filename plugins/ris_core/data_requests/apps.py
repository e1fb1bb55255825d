from django.apps import AppConfig


class Config(AppConfig):
    name = "ris_core.data_requests"
    default_auto_field = "django.db.models.BigAutoField"
