from django.apps import AppConfig
from django.db.models.signals import post_migrate


class Config(AppConfig):
    name = "ris_core.patients"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from ris_core.patients.guard import install_guard

        post_migrate.connect(install_guard, sender=self)
