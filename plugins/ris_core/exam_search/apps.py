from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate


class Config(AppConfig):
    name = "ris_core.exam_search"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from ris_core.exam_search.index import after_migrations, before_migrations

        pre_migrate.connect(before_migrations, sender=self)
        post_migrate.connect(after_migrations, sender=self)
