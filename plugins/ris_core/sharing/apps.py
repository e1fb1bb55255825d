from django.apps import AppConfig


class Config(AppConfig):
    name = "ris_core.sharing"
    default_auto_field = "django.db.models.BigAutoField"
