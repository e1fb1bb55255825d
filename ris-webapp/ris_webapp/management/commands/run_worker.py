"""``manage.py run_worker``: runs the worker until SIGTERM or SIGINT."""

from __future__ import annotations

import gc
import logging
import signal
import sys
from types import FrameType
from typing import Any

from django.conf import settings

from ris_core.jobs.registry import JOB_KINDS
from ris_core.jobs.rules import TimeLimitExceeded
from ris_core.jobs.runner import Pace, Worker
from ris_webapp.management.command import SuiteCommand

EXIT_RESTART = 75
"""EX_TEMPFAIL: a job hung and could not be stopped; the supervisor starts the worker again."""

log = logging.getLogger(__name__)


class Command(SuiteCommand):
    help = "Runs durable jobs: documents, deliveries, linking of studies. Stops gracefully at SIGTERM."

    def handle(self, *_arguments: Any, **_options: Any) -> None:
        quang = settings.QUANG
        pace = Pace(lease_seconds=quang.worker.lease_seconds)
        worker = Worker(JOB_KINDS, quang, quang.home / "run" / "worker.heartbeat", pace)

        def stop(number: int, _frame: FrameType | None) -> None:
            log.info("worker told to stop (%s)", signal.Signals(number).name)
            worker.stop()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        gc.collect()
        gc.freeze()  # every kind of job is loaded and stays: the collector need not look through it again
        log.info("worker %s takes jobs", worker.name)
        try:
            worker.run()
        except TimeLimitExceeded as error:
            log.error("worker ends to be started again: %s", error.detail)
            sys.exit(EXIT_RESTART)
        log.info("worker %s stopped", worker.name)
