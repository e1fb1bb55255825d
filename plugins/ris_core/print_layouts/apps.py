"""Django app of the print layouts."""

from __future__ import annotations

from django.apps import AppConfig


class PrintLayoutsConfig(AppConfig):
    name = "ris_core.print_layouts"
