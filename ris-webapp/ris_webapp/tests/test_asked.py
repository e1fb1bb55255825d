"""What the address of a page of rows asks for is read tolerantly and written shortly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ris_webapp.asked import Asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted(Asked):
    PARAMETERS: ClassVar = {**Asked.PARAMETERS, "kind": "type"}
    CHOICES: ClassVar = {"box": ("dead", "done")}

    box: str = "dead"
    kind: str = ""


def test_an_unknown_value_is_the_default() -> None:
    for nonsense in ({"box": "x", "page": "-3", "open": "abc"}, {"page": "9" * 30}, {}):
        found = Wanted.of(nonsense)
        assert (found.box, found.opened) == ("dead", None)
        assert 1 <= found.page <= 10_000
    assert len(Wanted.of({"q": "x" * 500}).query) == 128


def test_an_address_says_only_what_is_not_as_usual_and_comes_back() -> None:
    wanted = Wanted(box="done", kind="N-SET", query="đào", page=2, opened=7)
    assert wanted.address() == "?box=done&q=%C4%91%C3%A0o&page=2&open=7&type=N-SET"
    assert wanted.address(box="dead", page=1, q="", open=None) == "?type=N-SET"
    assert Wanted.of({"box": "done", "q": " đào ", "page": "2", "open": "7", "type": "N-SET"}) == wanted


def test_a_page_and_an_opened_row_narrow_nothing() -> None:
    assert not Wanted(page=3, opened=4).narrowed
    assert Wanted(kind="N-SET").narrowed
