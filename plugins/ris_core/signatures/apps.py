from django.apps import AppConfig


class Config(AppConfig):
    name = "ris_core.signatures"
    default_auto_field = "django.db.models.BigAutoField"
