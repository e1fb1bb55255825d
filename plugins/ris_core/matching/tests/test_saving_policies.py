"""Versions of the policy: two persons who save at once."""

from __future__ import annotations

import pytest

from ris_core.audit.models import AuditEvent
from ris_core.audit.services import SYSTEM
from ris_core.errors import EditConflict
from ris_core.matching import services
from ris_core.matching.models import PolicyVersion
from ris_core.matching.policy import DEFAULT_POLICY
from ris_core.matching.services import change_policy

pytestmark = pytest.mark.django_db


def test_who_saves_over_a_version_that_is_no_longer_the_newest_is_told() -> None:
    change_policy(DEFAULT_POLICY, over=0, note="first", actor=SYSTEM)
    with pytest.raises(EditConflict):
        change_policy(DEFAULT_POLICY, over=0, note="second", actor=SYSTEM)


def test_two_who_save_in_the_same_moment_are_one_version_and_one_conflict(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both have looked before either has stored: the database's constraint decides, and the second one is told."""
    monkeypatch.setattr(services, "policy_number", lambda: 0)
    change_policy(DEFAULT_POLICY, over=0, note="first", actor=SYSTEM)
    with pytest.raises(EditConflict):
        change_policy(DEFAULT_POLICY, over=0, note="second", actor=SYSTEM)
    assert PolicyVersion.objects.get().note == "first", "the transaction is not broken: it can be asked"
    assert AuditEvent.objects.filter(action="matching.policy_changed").count() == 1
