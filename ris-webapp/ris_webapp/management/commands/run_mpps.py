"""``manage.py run_mpps``: takes in performed procedure steps from devices until SIGTERM or SIGINT."""

from __future__ import annotations

import logging
import signal
import threading
from types import FrameType
from typing import Any

import pydicom.config
import pynetdicom
from django.conf import settings
from django.core.management.base import BaseCommand

from ris_core.performed.scp import PerformedStepProvider

log = logging.getLogger(__name__)


class Command(BaseCommand):
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
        told_to_stop.wait()
        provider.stop()
        log.info("stopped")
