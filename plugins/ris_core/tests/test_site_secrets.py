"""Every secret is on the list, in the docs, and can be exchanged as they say."""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from ris_core import site_secrets
from ris_core.audit.models import AuditEvent
from ris_core.errors import InvalidValue, NotFound
from ris_core.jobs.models import Job
from ris_core.patients.models import Patient
from ris_core.sealing.keys import sealing_keys
from ris_core.sealing.rotation import run_reseal
from ris_core.site_secrets import SECRETS, lines_of, retire, rotate
from ris_suite.secret_files import NAMES

REPOSITORY = Path(__file__).resolve().parents[3]
_READ = re.compile(r"""\.(?:secret|secret_lines)\(\s*f?["']([a-z_]+)""")


def rows() -> dict[str, str]:
    """The docs' table: how many keys by secret."""
    text = (REPOSITORY / "docs" / "security.md").read_text().split("\n## Secrets\n")[1].split("\n## ")[0]
    found = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `"):
            found.update(dict.fromkeys(re.findall(r"`([^`]+)`", cells[0]), cells[2]))
    return found


def test_each_secret_has_its_row_in_the_docs() -> None:
    """A new secret without a row, or with another number of keys, fails here."""
    assert {name: keys.startswith("several") for name, keys in rows().items()} == {
        secret.name: secret.several for secret in SECRETS
    }


def test_each_secret_that_the_code_reads_or_makes_is_on_the_list() -> None:
    read = set(NAMES)
    for folder in ("plugins", "ris-webapp/ris_webapp", "ris-webapp/ris_suite"):
        for path in (REPOSITORY / folder).rglob("*.py"):
            if "tests" not in path.parts:
                read.update(_READ.findall(path.read_text()))
    assert len(read) >= 12
    listed = [secret.name.partition("<")[0] for secret in SECRETS]
    assert not [name for name in read if not any(one.startswith(name) or name.startswith(one) for one in listed)]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for path in settings.QUANG.secrets_dir.iterdir():
        (tmp_path / path.name).write_text(path.read_text())
    monkeypatch.setattr(settings, "QUANG", msgspec.structs.replace(settings.QUANG, secrets_dir=tmp_path))
    return tmp_path


def test_of_keys_that_are_put_in_front_at_once_none_is_lost(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def slowly(folder: Path, name: str) -> list[str]:
        lines = lines_of(folder, name)
        time.sleep(0.05)
        return lines

    monkeypatch.setattr(site_secrets, "lines_of", slowly)
    with ThreadPoolExecutor(4) as several:
        list(several.map(lambda _: rotate(folder, "backup_key"), range(4)))
    assert len(set(lines_of(folder, "backup_key"))) == 5


@pytest.mark.django_db
@pytest.mark.parametrize("name", [name for name in NAMES if name != "webhook_signing_key"])
def test_old_and_new_are_both_there_until_the_old_is_retired(folder: Path, name: str) -> None:
    (old,) = lines_of(folder, name)
    assert rotate(folder, name) == 2
    new, second = lines_of(folder, name)
    assert (second, len(new) >= 43, new != old) == (old, True, True)
    assert (folder / name).stat().st_mode & 0o777 == 0o600
    assert settings.QUANG.secret_lines(name) == (new, old)
    assert retire(folder, name) == 1
    assert lines_of(folder, name) == [new]


@pytest.mark.django_db
def test_the_sealing_key_is_retired_only_when_nothing_needs_it(folder: Path) -> None:
    patient = Patient.objects.create(full_name="A", phone="0900000001")
    rotate(folder, "credential_sealing_key")
    assert Job.objects.filter(kind="reseal").count() == 1
    with pytest.raises(InvalidValue, match=r"patients_patient\.phone: 1"):
        retire(folder, "credential_sealing_key")
    assert len(sealing_keys()) == 2
    run_reseal("all")
    assert retire(folder, "credential_sealing_key") == 1
    patient.refresh_from_db()
    assert patient.phone == "0900000001"


@pytest.mark.django_db
def test_what_has_one_value_and_what_is_none_are_refused(folder: Path) -> None:
    with pytest.raises(InvalidValue, match="one value"):
        rotate(folder, "webhook_signing_key")
    for name in ("nothing", "launch_secret_", "../secrets/django_secret_key"):
        with pytest.raises(NotFound):
            rotate(folder, name)
    for _ in range(2):
        rotate(folder, "credential_sealing_key")
    with pytest.raises(InvalidValue, match="retire the old ones"):
        rotate(folder, "credential_sealing_key")


@pytest.mark.django_db
def test_the_command_lists_exchanges_and_says_what_is_left(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Patient.objects.create(full_name="A", phone="0900000001")
    value = lines_of(folder, "viewer_signing_key")[0]
    call_command("secrets", "rotate", "credential_sealing_key")
    call_command("secrets")
    told = capsys.readouterr().out
    assert "credential_sealing_key: 2" in told
    assert "patients_patient.phone: 1 " in told
    assert value not in told
    with pytest.raises(CommandError, match="still needed"):
        call_command("secrets", "retire", "credential_sealing_key")
    call_command("secrets", "reseal")
    call_command("secrets", "retire", "credential_sealing_key")
    assert set(AuditEvent.objects.values_list("action", flat=True)) >= {"secret.rotated", "secret.retired"}
