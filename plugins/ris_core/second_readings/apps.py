from django.apps import AppConfig


class Config(AppConfig):
    name = "ris_core.second_readings"
    default_auto_field = "django.db.models.BigAutoField"
