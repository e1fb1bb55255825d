"""What recording a view adds to its page: a patient's and an exam's, with and without, in turns (P16)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Final

from benchmarks.table import Context, Row, at_most

LIMIT: Final = 1.05
ROUNDS: Final = 120

PROGRAM: Final = f"""
import json, statistics, time
import django
django.setup()
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
call_command("migrate", verbosity=0)
from ris_core.accounts.models import User
from ris_core.audit.append_only import make_triggers
from ris_testing.exams import an_exam
from ris_webapp.screens.patients import views as patients
from ris_webapp.screens.reading import views as reading
make_triggers()
exams = [an_exam() for _ in range(20)]
client = Client(headers={{"host": "127.0.0.1"}})
client.force_login(User.objects.create_user("bs", None, full_name="BS", role="RADIOLOGIST"),
                   backend="ris_webapp.login_backend.AccountBackend")
pages = (("patient", patients, reverse("patients:patient", args=[exams[0].patient_id])),
         ("exam", reading, reverse("reading:page", args=[exams[0].pk])))
found = {{}}
for name, module, address in pages:
    real, times = module.record, {{True: [], False: []}}
    for number in range({ROUNDS}):
        for recording in ((True, False), (False, True))[number % 2]:
            module.record = real if recording else (lambda *_, **__: None)
            started = time.perf_counter()
            assert client.get(address).status_code == 200
            times[recording].append((time.perf_counter() - started) * 1000)
    module.record = real
    found[name] = [statistics.median(times[True][20:]), statistics.median(times[False][20:])]
print(json.dumps(found))
"""


def run(context: Context) -> list[Row]:
    """A row a page; the database is SQLite, where a write waits for the disk."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "ris_testing.django_settings", "TMPDIR": str(context.folder)}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True)
    found: dict[str, list[float]] = json.loads(done.stdout.splitlines()[-1])
    return [
        at_most(f"audit: {name}'s page with its view recorded / not", ours, peer, LIMIT, "ms", "median, in turns")
        for name, (ours, peer) in found.items()
    ]
