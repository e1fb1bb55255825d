from django.apps import AppConfig


class Config(AppConfig):
    name = "ris_core.doses"
    default_auto_field = "django.db.models.BigAutoField"
