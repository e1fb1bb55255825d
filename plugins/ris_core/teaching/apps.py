from django.apps import AppConfig


class Config(AppConfig):
    name = "ris_core.teaching"
    default_auto_field = "django.db.models.BigAutoField"
