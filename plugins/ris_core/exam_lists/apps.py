from django.apps import AppConfig


class Config(AppConfig):
    name = "ris_core.exam_lists"
    default_auto_field = "django.db.models.BigAutoField"
