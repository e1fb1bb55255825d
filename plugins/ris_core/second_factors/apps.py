from django.apps import AppConfig


class Config(AppConfig):
    name = "ris_core.second_factors"
    default_auto_field = "django.db.models.BigAutoField"
