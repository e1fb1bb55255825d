from django.apps import AppConfig


class Config(AppConfig):
    name = "ris_core.accounts"
    default_auto_field = "django.db.models.BigAutoField"
