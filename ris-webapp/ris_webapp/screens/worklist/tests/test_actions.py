"""What is done from the list: many exams at once and back again, lists, folders, columns."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from ris_core.accounts.models import Role
from ris_core.audit.services import Actor
from ris_core.exam_lists.models import Assignment, ExamTag, Folder, SavedList
from ris_core.exam_lists.services import assign_exams, put_in_folder, save_list, tag_exams, take_out_of_folder
from ris_testing.exams import a_reader, an_exam, approved
from ris_webapp.screens.worklist.columns import USUAL, USUAL_OF_ROLE, allowed
from ris_webapp.screens.worklist.side import COUNTS
from ris_webapp.tests.people import a_user, client_as

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh_counts() -> None:
    COUNTS.forget()


def _bulk(client: Client, action: str, target: object, exams: list[int]) -> dict[str, Any]:
    values = {"action": action, "target": str(target), "exams": ",".join(map(str, exams))}
    answer = client.post("/worklist/bulk/", values, headers={"accept": "application/json"})
    return {"status": answer.status_code, **json.loads(answer.content)}


def test_every_bulk_action_can_be_taken_back_exactly() -> None:
    client = client_as()
    had, new = an_exam(), an_exam()
    reader, other = a_reader(), a_reader()
    tag_exams("đã có", [had.pk], reader)
    assign_exams(reader.user_id, [had.pk], reader)
    for action, target in (("tag", "đã có"), ("folder", "Hội chẩn"), ("assign", other.user_id)):
        before = (
            list(ExamTag.objects.values_list("procedure_id")),
            dict(Assignment.objects.values_list("procedure_id", "reader_id")),
        )
        done = _bulk(client, action, target, [had.pk, new.pk])
        assert done["exams"] == ([new.pk] if action == "tag" else [had.pk, new.pk])
        undone = _bulk(client, done["undo"]["action"], done["undo"]["target"], done["exams"])
        assert undone["exams"] == done["exams"]
        assert before == (
            list(ExamTag.objects.values_list("procedure_id")),
            dict(Assignment.objects.values_list("procedure_id", "reader_id")),
        )
    assert Folder.objects.get().exams.count() == 0


def test_the_day_begins_with_ones_own_list_else_the_roles_else_the_usual_one() -> None:
    user = a_user(Role.RADIOLOGIST)
    client, admin = client_as(user=user), client_as(Role.ADMINISTRATOR)

    def begins(who: Client = client) -> str:
        return str(who.get("/start/")["Location"])

    assert begins() == "/?state=ready"
    assert client.post("/worklist/start/", {"role": "RADIOLOGIST", "modality": "CT"}).status_code == 403
    assert admin.post("/worklist/start/", {"role": "NOBODY", "modality": "CT"}).status_code == 404
    admin.post("/worklist/start/", {"role": "RADIOLOGIST", "state": "ready", "modality": "CT"})
    assert begins() == "/?state=ready&modality=CT"
    client.post("/worklist/start/", {"mine": "1"})
    assert begins() == "/?mine=1"
    assert begins(client_as(Role.RADIOLOGIST)) == "/?state=ready&modality=CT"
    assert "Mở đầu bằng danh sách này" in client.get("/worklist/side/?mine=1").content.decode()
    client.post("/worklist/start/", {"usual": "1", "mine": "1"})
    assert begins() == "/?state=ready&modality=CT"
    admin.post("/worklist/start/", {"role": "RADIOLOGIST", "usual": "1"})
    assert begins() == "/?state=ready"
    assert begins(client_as(Role.IT)) == "/devices/"


def test_bulk_refuses_what_there_is_not_and_what_one_may_not() -> None:
    exam = an_exam()
    assert _bulk(client_as(), "shred", "", [exam.pk])["status"] == 422
    assert _bulk(client_as(), "tag", "x", [])["status"] == 422
    assert _bulk(client_as(), "untag", "x", [exam.pk])["status"] == 404
    reader = a_reader()
    for action, target in (("assign", reader.user_id), ("reassign", f"{exam.pk}:{reader.user_id}")):
        assert _bulk(client_as("CLINICIAN"), action, target, [exam.pk])["status"] == 403
    assert not Assignment.objects.exists()


def test_what_was_put_into_a_folder_by_another_web_process_is_counted_at_once() -> None:
    user, exam = a_user(), an_exam()
    actor = Actor(user.username, user_id=user.pk)
    folder, _ = put_in_folder("Đề tài", [exam.pk], actor)
    client = client_as(user=user)
    counted = f'href="/?folder={folder.pk}"'
    before = client.get("/worklist/side/?").content.decode()
    take_out_of_folder(folder.pk, [exam.pk], actor)  # not by this process's page: nothing kept here is forgotten
    after = client.get("/worklist/side/?").content.decode()
    for page, number in ((before, "1"), (after, "0")):
        assert f"<small>{number}</small>" in page.split(counted)[1].split("</li>")[0]


def test_lists_folders_and_tags_stand_beside_the_list_with_their_counts() -> None:
    user = a_user()
    me = Actor(user.username, user_id=user.pk)
    ct, mr = an_exam(modality="CT"), an_exam(modality="MR")
    save_list("MR của tôi", {"modality": "MR"}, me)
    save_list("Chung", {"state": "ready"}, a_reader(), shared=True)
    save_list("Riêng người khác", {}, a_reader())
    put_in_folder("Đề tài", [ct.pk, mr.pk], me)
    tag_exams("hội chẩn", [ct.pk], me)
    page = " ".join(client_as(user=user).get("/worklist/side/?modality=MR").content.decode().split())
    for name, count in (("MR của tôi", 1), ("Chung", 2), ("Đề tài", 2), ("hội chẩn", 1), ("Chờ đọc", 2)):
        assert f"<span>{name}</span><small>{count}</small>" in page, name
    assert "Riêng người khác" not in page
    assert page.count("aria-current") == 1


def test_the_list_shows_a_folder_of_ones_own_and_nobody_elses() -> None:
    user = a_user()
    exam = an_exam()
    an_exam()
    folder, _ = put_in_folder("Đề tài", [exam.pk], Actor(user.username, user_id=user.pk))
    assert client_as(user=user).get(f"/?folder={folder.pk}").content.decode().count("data-exam=") == 1
    assert client_as().get(f"/?folder={folder.pk}").content.decode().count("data-exam=") == 0


def test_a_saved_list_is_the_filter_that_was_shown() -> None:
    client = client_as()
    values = {"name": "CT ngực", "modality": "CT", "region": "CHEST", "junk": "1", "shared": "1", "role": "RADIOLOGIST"}
    assert client.post("/worklist/lists/", values).status_code == 204
    saved = SavedList.objects.get()
    assert (saved.parameters, saved.shared, saved.role) == ({"modality": "CT", "region": "CHEST"}, True, "RADIOLOGIST")
    gone = client.post(f"/worklist/lists/{saved.pk}/delete").json()
    assert client.post("/worklist/lists/", gone["again"]).status_code == 204
    assert SavedList.objects.values("name", "parameters", "shared", "role").get() == {
        "name": "CT ngực", "parameters": saved.parameters, "shared": True, "role": "RADIOLOGIST",
    }  # fmt: skip
    assert client_as("CLINICIAN").post("/worklist/lists/", {"name": "x", "shared": "1"}).status_code == 403


def test_a_deleted_folder_tells_what_was_in_it() -> None:
    user = a_user()
    exam = an_exam()
    folder, _ = put_in_folder("Đề tài", [exam.pk], Actor(user.username, user_id=user.pk))
    gone = client_as(user=user).post(f"/worklist/folders/{folder.pk}/delete").json()
    assert (gone["name"], gone["exams"]) == ("Đề tài", [exam.pk])
    assert client_as().post(f"/worklist/folders/{folder.pk}/delete").status_code == 404


def test_columns_stay_as_chosen_and_the_needed_ones_always_show() -> None:
    user = a_user()
    client = client_as(user=user)
    an_exam()
    client.post("/worklist/columns/", {"columns": "state tags patient junk accession state"})
    page = client.get("/").content.decode()
    heads = [part.split('"')[0].split(" ")[0] for part in page.split('<th scope="col" class="c-')[1:]]
    assert heads == ["select", *allowed(["state", "tags", "patient", "accession"])]
    client.post("/worklist/columns/", {"columns": ""})
    assert client.get("/").content.decode().count('<th scope="col"') == len(USUAL) + 1


@pytest.mark.parametrize("role", list(USUAL_OF_ROLE))
def test_each_role_begins_with_the_columns_it_works_with(role: str) -> None:
    page = client_as(role).get("/").content.decode()
    assert [name for name in USUAL if f'class="c-{name}' in page] == list(USUAL_OF_ROLE[role])


def test_what_was_typed_can_be_looked_for_in_reports_too() -> None:
    exam = an_exam()
    approved(exam, a_reader(), conclusion="Xuất huyết não")
    client = client_as()
    page = client.get("/", {"q": "xuat huyet"}).content.decode()
    assert f'data-exam="{exam.pk}"' not in page
    assert 'href="?report=xuat+huyet"' in page
    assert f'data-exam="{exam.pk}"' in client.get("/?report=xuat+huyet").content.decode()


def test_slips_of_several_exams_are_printed_at_once() -> None:
    one, other = an_exam(), an_exam()
    page = client_as().get(f"/slips/?exams={other.pk},{one.pk},x,999999").content.decode()
    first, second = (page.index(exam.request.accession_number) for exam in (other, one))
    assert first < second
    assert client_as().get("/slips/?exams=999999").status_code == 404
