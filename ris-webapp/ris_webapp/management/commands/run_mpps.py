"""``manage.py run_mpps``: takes in performed procedure steps from devices until SIGTERM or SIGINT."""

from __future__ import annotations

import logging
import signal
import socket
import threading
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

import pydicom.config
import pynetdicom
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.utils import timezone

from ris_core.jobs.models import WorkerHeartbeat
from ris_core.performed.scp import PerformedStepProvider
from ris_webapp.management.command import SuiteCommand

log = logging.getLogger(__name__)
BEAT_SECONDS = 10.0


class Command(SuiteCommand):
    help = "DICOM service for Modality Performed Procedure Steps (MPPS). Stops gracefully at SIGTERM."

    def handle(self, *_arguments: Any, **_options: Any) -> None:
        # neither may write what devices send into the log: values of patients
        pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
        pynetdicom._config.LOG_HANDLER_LEVEL = "none"
        pynetdicom._config.LOG_REQUEST_IDENTIFIERS = pynetdicom._config.LOG_RESPONSE_IDENTIFIERS = False
        logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)
        told_to_stop = threading.Event()

        def stop(number: int, _frame: FrameType | None) -> None:
            log.info("told to stop (%s)", signal.Signals(number).name)
            told_to_stop.set()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        provider = PerformedStepProvider(settings.QUANG)
        provider.start()
        log.info("performed procedure steps are taken on port %d", provider.port)
        name = f"mpps@{socket.gethostname()}:{provider.port}"
        _with_database(partial(_beat, name))
        while not told_to_stop.wait(BEAT_SECONDS):
            _with_database(partial(_beat, name))
        provider.stop()
        _with_database(WorkerHeartbeat.objects.filter(name=name).delete)
        log.info("stopped")


def _beat(name: str) -> None:
    """Say that the service lives; :mod:`ris_webapp.screens.health` looks."""
    WorkerHeartbeat.objects.update_or_create(
        name=name, defaults={"part": WorkerHeartbeat.Part.MPPS, "at": timezone.now()}
    )


def _with_database(act: Callable[[], Any]) -> None:
    try:
        act()
    except (DatabaseError, InterfaceError) as error:  # the service goes on, its silence is seen
        log.warning("no heartbeat: %s", type(error).__name__)
    finally:
        connection.close()
