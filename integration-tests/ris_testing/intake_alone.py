"""The HL7 order intake in a process of its own, without Orthanc: ``python -m ris_testing.intake_alone``.

Settings come with the environment, as for Orthanc. It ends at SIGTERM, or may be killed.
"""

from __future__ import annotations

import logging
import os
import signal
import threading

from orthanc_host.boot import boot_django
from orthanc_host.connections import LentConnections
from ris_core.settings import load_settings


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    settings = load_settings(os.environ)
    boot_django(settings)
    # only now: the plugin imports the domain's models, and those need Django
    from ris_plugins.hl7_order_intake.service import OrderIntake
    from ris_plugins.hl7_order_intake.settings import IntakeSettings

    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: stopping.set())
    intake = OrderIntake(IntakeSettings.of(settings), LentConnections().lend)
    writer = threading.Thread(target=intake.write, args=(stopping,), name="hl7-writer")
    server = threading.Thread(target=intake.serve, args=(stopping,), name="hl7-server")
    for thread in (writer, server):
        thread.start()
    stopping.wait()
    for thread in (server, writer):
        thread.join()


if __name__ == "__main__":
    main()
