from django.apps import AppConfig


class Config(AppConfig):
    name = "ris_core.key_images"
    default_auto_field = "django.db.models.BigAutoField"
