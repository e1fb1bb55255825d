from django.apps import AppConfig
from django.db.models.signals import post_migrate


class Config(AppConfig):
    name = "ris_core.audit"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from ris_core.audit.append_only import protect

        post_migrate.connect(protect, sender=self)
