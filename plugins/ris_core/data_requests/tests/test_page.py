"""What ``docs/personal-data.md`` tells those who answer for personal data is so (P16)."""

from __future__ import annotations

import re
from pathlib import Path

from django.apps import apps
from django.conf import settings as django_settings

from ris_core.jobs.registry import JOB_KINDS
from ris_core.patients import belongings
from ris_core.settings import Settings

PAGE = (Path(__file__).parents[4] / "docs/personal-data.md").read_text(encoding="utf-8")


def test_the_page_names_every_table_that_names_a_patient_and_what_a_merge_does_with_it() -> None:
    told = dict(re.findall(r"^\| `(\w+\.\w+)` \| (moves|stays) \|$", PAGE, re.M))
    moving = {f"{kind._meta.app_label}.{kind.__name__}" for kind in belongings.KINDS.values()}
    assert told == {**dict.fromkeys(moving, "moves"), **dict.fromkeys(belongings.STAYING, "stays")}
    assert all(apps.get_model(name) for name in told)


def test_every_setting_that_the_page_names_exists() -> None:
    settings: Settings = django_settings.QUANG
    named = set(re.findall(r"`([a-z_]+)\.([a-z_]+)`", PAGE))
    assert len(named) >= 8
    for section, key in named:
        assert hasattr(getattr(settings, section), key), f"{section}.{key}"


def test_every_job_that_takes_something_away_is_on_the_page_and_no_other() -> None:
    taking = {job.name for job in JOB_KINDS if job.name.split("_")[0] in ("forget", "purge", "remove", "delete")}
    told = set(re.findall(r"`((?:forget|purge|remove|delete)_\w+)`", PAGE))
    assert told == taking


def test_what_the_page_says_is_kept_for_good_is_never_deleted_by_the_code() -> None:
    kept = ("AuditEvent", "InboundMessage", "ReportVersion", "DataRequest", "Patient", "ImagingServiceRequest", "Study")
    root = Path(__file__).parents[3]
    deleting = re.compile(rf"\b({'|'.join(kept)})\.objects\b[^\n]*\.delete\(\)")
    sources = [path for path in root.rglob("*.py") if "tests" not in path.parts and "migrations" not in path.parts]
    assert len(sources) > 300
    assert [str(path) for path in sources if deleting.search(path.read_text(encoding="utf-8"))] == []
