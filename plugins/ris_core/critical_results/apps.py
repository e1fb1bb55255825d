from django.apps import AppConfig


class Config(AppConfig):
    name = "ris_core.critical_results"
    default_auto_field = "django.db.models.BigAutoField"
