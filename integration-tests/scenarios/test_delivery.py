"""Results on their way to a HIS that is down, hangs, loses acknowledgements and answers nonsense, by a worker that is
killed: nothing lost, nothing doubled, nothing overtaken."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import connection

from ris_core.audit.services import Actor
from ris_core.delivery.models import Delivery, DeliveryState
from ris_core.delivery.sending import RESULTS
from ris_core.jobs.models import Job, WorkerHeartbeat
from ris_core.orders.models import RequestedProcedure
from ris_core.reports.models import Document, Reading, ReportVersion, VersionStatus
from ris_core.reports.recalling import recall
from ris_testing.exams import a_reader, a_receiver, an_exam, approved
from ris_testing.his import Behaviour, ReceivedMessage, SimulatedHis

pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]

MANAGE = Path(__file__).parents[2] / "ris-webapp" / "manage.py"
LIMITS = {
    "QUANG_WORKER__LEASE_SECONDS": "3",
    "QUANG_DELIVERY__FIRST_RETRY_SECONDS": "0.2",
    "QUANG_DELIVERY__LONGEST_RETRY_SECONDS": "1",
    "QUANG_DELIVERY__TIMEOUT_SECONDS": "2",
    "QUANG_DELIVERY__MAX_ATTEMPTS": "1000",
}
PATIENCE_SECONDS = 240.0


class WorkerProcess:
    """The real worker, ``manage.py run_worker``, on the test's database."""

    def __init__(self, log: Path, **limits: str) -> None:
        # the test's own database on the same server
        name = connection.settings_dict["NAME"]
        server = urlsplit(settings.QUANG.database_url)
        url = f"sqlite:///{name}" if connection.vendor == "sqlite" else server._replace(path=f"/{name}").geturl()
        self._environment = {
            **{name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"},
            **LIMITS,
            **limits,
            "QUANG_HOME": str(settings.QUANG.home),
            "QUANG_DATABASE_URL": url,
        }
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(MANAGE), "run_worker"], env=self._environment, stdout=log, stderr=log
            )

    def end(self, number: signal.Signals) -> int:
        """Send a signal and wait for the end; the exit status."""
        assert self._process is not None
        self._process.send_signal(number)
        try:
            return self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise

    def stop(self) -> int:
        """Tell it to stop once it works (before, a signal would just end it); the exit status."""
        assert self._process is not None
        name = f":{self._process.pid}"
        eventually(lambda: WorkerHeartbeat.objects.filter(name__endswith=name).exists(), "heartbeat")
        return self.end(signal.SIGTERM)

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> str:
        return self._log.read_text()


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[WorkerProcess]:
    process = WorkerProcess(tmp_path / "worker.log")
    yield process
    if process.running:
        process.end(signal.SIGTERM)


def eventually(condition: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < until, f"{what}: not in {PATIENCE_SECONDS:.0f} s"
        time.sleep(0.05)


def unsettled() -> int:
    return Delivery.objects.exclude(
        state__in=(DeliveryState.ACKNOWLEDGED, DeliveryState.SUPERSEDED, DeliveryState.DISMISSED)
    ).count()


def by_control_id(received: list[ReceivedMessage]) -> dict[str, list[ReceivedMessage]]:
    grouped: dict[str, list[ReceivedMessage]] = defaultdict(list)
    for message in received:
        grouped[message.control_id].append(message)
    return grouped


def test_results_reach_a_troubled_his_in_order_while_the_worker_is_killed(worker: WorkerProcess) -> None:
    chance = random.Random(20261121)
    troubles = [Behaviour.CLOSE, Behaviour.AE, Behaviour.GARBAGE, Behaviour.OTHER_ID, Behaviour.AA, Behaviour.AA]

    def troubled(_raw: bytes, before: int) -> Behaviour:
        return chance.choice(troubles) if before < 3 else Behaviour.AA

    his = SimulatedHis(behaviour=troubled).start()
    try:
        receiver, reader = a_receiver(his.port), a_reader()
        exams: list[RequestedProcedure] = []
        kills = 0
        worker.start()
        for number in range(50):
            exams.append(an_exam())
            approved(exams[-1], reader, conclusion=f"Ca {number}, bản 1")
            if number % 3 == 0 and not 20 <= number < 30:
                # corrected as soon as something of the first version may be on its way
                eventually(
                    lambda: Delivery.objects.filter(reading__procedure=exams[-1], possibly_seen=True).exists(),
                    "first version on its way",
                )
                approved(exams[-1], reader, status=VersionStatus.CORRECTED, conclusion=f"Ca {number}, bản 2")
            if number % 12 == 11:
                worker.end(signal.SIGKILL)
                kills += 1
                worker.start()
            if number == 20:
                his.stop()
            if number == 30:
                his.start()
            if number % 10 == 9:
                approved(exams[number // 2], reader, status=VersionStatus.CORRECTED, conclusion=f"Sửa lúc {number}")
            time.sleep(0.1)
        for delay in (1.0, 2.0):
            time.sleep(delay)
            worker.end(signal.SIGKILL)
            kills += 1
            worker.start()
        eventually(lambda: unsettled() == 0, "every result settled")
        assert worker.stop() == 0
    finally:
        his.stop()

    deliveries = {delivery.control_id: delivery for delivery in Delivery.objects.all()}
    messages = by_control_id(his.received)
    versions = ReportVersion.objects.count()
    states = Counter(delivery.state for delivery in deliveries.values())
    print(
        f"\n{versions} versions of {len(exams)} reports, {kills} kills: {dict(states)}; {len(his.received)} messages "
        f"received, {len(messages)} different; answered {dict(Counter(m.behaviour.value for m in his.received))}; "
        f"documents {Document.objects.count()}"
    )
    # nothing lost: each version was accepted, or a newer one took its place before anything of it went out
    accepted = his.accepted()
    assert len(deliveries) == versions
    assert states[DeliveryState.ACKNOWLEDGED] > len(exams) + 10
    for control_id, delivery in deliveries.items():
        assert (control_id in accepted) == (delivery.state == DeliveryState.ACKNOWLEDGED)
        assert (control_id in messages) == (delivery.state != DeliveryState.SUPERSEDED)
    # nothing doubled: repeats are the same bytes under the same MSH-10, one document for each version
    assert all(len({message.raw for message in group}) == 1 for group in messages.values())
    assert Document.objects.count() == versions
    assert Document.objects.values("version").distinct().count() == versions
    # nothing overtaken: no version came before an older one of its reading was accepted
    for exam in exams:
        sequences = [
            deliveries[message.control_id].sequence
            for message in his.received
            if message.field("OBR", 2) == exam.placer_order_number
        ]
        assert sequences == sorted(sequences)
        exam.refresh_from_db()
        assert exam.exam_state == "RETURNED"
        assert receiver.deliveries.filter(reading__procedure=exam).latest("sequence").state == "ACKNOWLEDGED"


def test_a_his_that_hangs_holds_back_no_other_receiver(worker: WorkerProcess) -> None:
    with SimulatedHis(behaviour=Behaviour.HANG) as hung, SimulatedHis() as well:
        slow, quick = a_receiver(hung.port), a_receiver(well.port)
        reader = a_reader()
        worker.start()
        for _ in range(15):
            approved(an_exam(), reader)
        eventually(lambda: quick.deliveries.filter(state=DeliveryState.ACKNOWLEDGED).count() == 15, "15 results")
        assert slow.deliveries.filter(state=DeliveryState.ACKNOWLEDGED).count() == 0
        # one connection at a time, so most of them have not even been tried yet
        assert len(hung.received) < 15
        hung.behaviour = Behaviour.AA
        eventually(lambda: unsettled() == 0, "the rest")


@pytest.mark.parametrize("refusal", [Behaviour.AE, Behaviour.AR])
def test_a_dead_letter_is_shown_and_sent_again_by_a_person(tmp_path: Path, refusal: Behaviour) -> None:
    worker = WorkerProcess(
        tmp_path / "worker.log",
        QUANG_DELIVERY__MAX_ATTEMPTS="2",
        QUANG_DELIVERY__TIMEOUT_SECONDS="20",
        QUANG_WORKER__LEASE_SECONDS="20",
    )
    with SimulatedHis(behaviour=refusal) as his:
        receiver = a_receiver(his.port)
        approved(an_exam(), a_reader())
        worker.start()
        try:
            eventually(lambda: receiver.deliveries.filter(state=DeliveryState.DEAD).exists(), "dead letter")
            dead = receiver.deliveries.get()
            assert dead.attempts == 2
            his.behaviour = Behaviour.AA
            RESULTS.replay(dead.pk, Actor("admin"))
            eventually(lambda: receiver.deliveries.get().state == DeliveryState.ACKNOWLEDGED, "after the replay")
        finally:
            worker.end(signal.SIGTERM)
        assert len({message.raw for message in his.received}) == 1


def test_an_idle_worker_wakes_soon_and_stops_when_told(worker: WorkerProcess) -> None:
    with SimulatedHis() as his:
        a_receiver(his.port)
        reader = a_reader()
        worker.start()
        approved(an_exam(), reader)
        his.wait_for(1, PATIENCE_SECONDS)
        waits = []
        for number in range(1, 11):
            exam = an_exam()
            began = time.time()
            approved(exam, reader)
            his.wait_for(number + 1, PATIENCE_SECONDS)
            waits.append(his.received[-1].at - began)
        print(f"\napproval to acknowledgement: median {median(waits) * 1000:.0f} ms, worst {max(waits) * 1000:.0f} ms")
        assert worker.stop() == 0
    assert not Job.objects.filter(state="RUNNING").exists()
    assert "Traceback" not in worker.log


def test_every_state_of_a_report_reaches_each_receiver_in_order_after_the_his_was_down(worker: WorkerProcess) -> None:
    """HIS down while a report is sent as preliminary, final, recalled and corrected; an EMR takes it as documents."""
    his, emr = SimulatedHis().start(), SimulatedHis().start()
    try:
        a_receiver(his.port)
        a_receiver(emr.port, format="MDM", first_status="F")
        reader, exam = a_reader(), an_exam()
        his.stop()
        worker.start()
        approved(exam, reader, status=VersionStatus.PRELIMINARY, conclusion="Sơ bộ")
        approved(exam, reader, conclusion="Chính thức")
        reading = Reading.objects.get(procedure=exam)
        recall(reading.pk, 2, "Nhầm bên phải với bên trái", reader)
        approved(exam, reader, status=VersionStatus.CORRECTED, conclusion="Đính chính")
        eventually(lambda: len(emr.accepted()) == 3, "the EMR has everything while the HIS is down")
        his.start()
        eventually(lambda: unsettled() == 0, "every state settled")
    finally:
        his.stop()
        emr.stop()
    accepted = [message for message in his.received if message.control_id in his.accepted()]
    assert [message.field("OBR", 25) for message in accepted] == ["P", "F", "C", "C"]
    assert [{row[11] for row in message.all("OBX")} for message in accepted] == [{"P"}, {"F"}, {"W"}, {"C"}]
    assert "THU HỒI: Nhầm bên phải với bên trái" in accepted[2].raw.decode()
    assert [message.field("MSH", 9).split("^")[1] for message in emr.received] == ["T02", "T11", "T02"]
    exam.refresh_from_db()
    assert exam.exam_state == "RETURNED"
