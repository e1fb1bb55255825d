"""The one script that Orthanc loads (``PythonScript``): boots Django, registers the plugins, connects them.

Everything is imported here, at load time: Orthanc's HTTP threads are the wrong place to import large modules in.
"""

from __future__ import annotations

import os
import sys

from orthanc_host.boot import boot_django
from ris_core.settings import load_settings

# A callback for an image, a request or a worklist waits at most so long (s) for the interpreter's lock behind a thread
# that takes in orders. Python's own 5 ms cost C-STORE beside 300 orders a second 6 %, and their answers 13 ms at p99.
sys.setswitchinterval(0.0001)
settings = load_settings(os.environ)
boot_django(settings)

# only now: the plugins import the domain's models, and those need Django
from orthanc_host import device_registry  # noqa: E402
from orthanc_host.orthanc_engine import OrthancHost  # noqa: E402
from ris_plugins.auto_mapping import plugin as auto_mapping  # noqa: E402
from ris_plugins.dicom_gate import plugin as dicom_gate  # noqa: E402
from ris_plugins.hl7_order_intake import plugin as hl7_order_intake  # noqa: E402
from ris_plugins.ldap_auth import plugin as ldap_auth  # noqa: E402
from ris_plugins.modality_worklist import plugin as modality_worklist  # noqa: E402
from ris_plugins.repeated_images import plugin as repeated_images  # noqa: E402
from ris_plugins.report_signing import plugin as report_signing  # noqa: E402

PLUGINS = (
    device_registry,
    repeated_images,
    hl7_order_intake,
    modality_worklist,
    auto_mapping,
    ldap_auth,
    report_signing,
    dicom_gate,
)  # fmt: skip
"""Every plugin: one line each. Its ``register(host, settings)`` subscribes to what it needs."""

host = OrthancHost()
if settings.automation.enabled:
    for plugin in PLUGINS:
        plugin.register(host, settings)
    host.connect()
else:
    host.guard.journal.warning("automation is off: plugins are loaded and do nothing")
