from django.apps import AppConfig


class Config(AppConfig):
    name = "ris_core.notices"
    default_auto_field = "django.db.models.BigAutoField"
