"""Vietnamese is what the screens are written in; English is complete."""

from __future__ import annotations

import re

import pytest
from django.core.management import call_command
from django.test import Client

from ris_webapp.management.commands.translate import CATALOGUE, compiled, english, texts_in_sources, untranslated
from ris_webapp.tests.people import a_user, client_as


def test_every_text_of_the_screens_stands_in_the_english_catalogue_with_a_translation() -> None:
    catalogue = english()
    sources = {(message.id, message.context) for message in texts_in_sources() if message.id}
    assert sources == {(message.id, message.context) for message in catalogue if message.id}
    assert untranslated(catalogue) == []


def test_translations_keep_the_places_to_fill_in() -> None:
    places = re.compile(r"%\(\w+\)\w*|\{\w+\}")
    for message in english():
        assert sorted(places.findall(str(message.id))) == sorted(places.findall(str(message.string))), message.id


def test_the_compiled_catalogue_is_that_of_the_texts() -> None:
    assert CATALOGUE.with_suffix(".mo").read_bytes() == compiled(english())


@pytest.mark.django_db
def test_screens_speak_the_users_language() -> None:
    assert "Danh sách ca" in client_as(user=a_user(language="vi")).get("/").content.decode()
    english_page = client_as(user=a_user(language="en")).get("/").content.decode()
    assert "Worklist" in english_page
    assert "Danh sách ca" not in english_page


@pytest.mark.django_db
def test_the_login_page_speaks_the_language_chosen_on_this_computer() -> None:
    client = Client()
    assert "Đăng nhập" in client.get("/login/").content.decode()
    client.post("/language/", {"language": "en", "next": "/login/"})
    assert "Log in" in client.get("/login/").content.decode()


@pytest.mark.django_db
def test_django_system_check_finds_nothing() -> None:
    call_command("check")
