"""Layouts that somebody wrote: they reach nothing, end in time, and faults name their line."""

from __future__ import annotations

import threading
from io import BytesIO
from pathlib import Path

import pytest
from pypdf import PdfReader

from ris_core.print_layouts import apart
from ris_core.print_layouts.arranging import DocumentNotMade, Task, laid_out, shipped_source
from ris_core.print_layouts.design import ReportDesign
from ris_core.print_layouts.sandbox import LayoutFaulty, check_syntax, fill
from ris_core.print_layouts.tests.test_pictures import a_picture
from ris_core.reports.sheet import print_report, render_pdf
from ris_core.reports.tests.test_sheet import SHEET


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("a\n\n{{ nothing }}", 3),
        ("a\n{% if %}", 2),
        ("\n\n\n{{ report.patient_name.upper( }}", 4),
        ("a\n{{ ''.__class__.__mro__ }}", 2),
        ("{{ report.__init__ }}", 1),
        ("{{ ('x' * 1000000) }}", 1),
        ("{{ 10 ** 10 }}", 1),
        ("{% for n in range(100000) %}{% endfor %}", 1),
        ("{% include 'report.html.jinja' %}", 1),
        ("{% import 'os' as os %}", 1),
        ("{{ cycler }}", 1),
        ("{{ report|nofilter }}", 1),
        ("{% set words.title = 'x' %}", 1),
        ("\n{{ words.update({}) }}", 2),
    ],
)
def test_what_a_template_may_not_do_is_refused_with_its_line(source: str, line: int) -> None:
    with pytest.raises(LayoutFaulty) as refused:
        fill(source, {"report": {"patient_name": "A"}, "words": {"title": "T"}})
    assert refused.value.line == line
    assert f"line {line}: " in refused.value.detail


def test_a_page_may_not_grow_without_end() -> None:
    source = "{% for a in range(1000) %}{% for b in range(1000) %}....{% endfor %}{% endfor %}"
    with pytest.raises(LayoutFaulty, match="too long"):
        fill(source, {})


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(LayoutFaulty):
        check_syntax("{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}")


def test_values_are_escaped() -> None:
    assert fill("{{ a }}", {"a": "<script>"}) == "&lt;script&gt;"


@pytest.mark.parametrize(
    "source",
    [
        "<img src='http://127.0.0.1:9/x'>",
        "<img src='file:///etc/passwd'>",
        "<link rel=stylesheet href='http://127.0.0.1:9/x'>",
        "<link rel=attachment href='file:///etc/passwd'>",
    ],
)
def test_nothing_is_fetched(source: str) -> None:
    task = Task(shipped="", template=f"<p>x</p>{source}", context={}, styles=())
    with pytest.raises(LayoutFaulty, match="nothing outside itself"):
        laid_out(task)


def test_a_drawing_in_the_page_shows_no_file(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(a_picture())
    drawing = (
        f"<svg xmlns='http://www.w3.org/2000/svg'><image href='{tmp_path.as_uri()}/x.png' width='9' height='9'/></svg>"
    )
    printed = laid_out(Task(shipped="", template=drawing, context={}, styles=()))
    assert not list(PdfReader(BytesIO(printed.pdf)).pages[0].images)


def test_the_shipped_template_as_ones_own_prints_the_same_text() -> None:
    own = print_report(SHEET, ReportDesign(template=shipped_source("report.html.jinja")))
    text = [page.extract_text() for page in PdfReader(BytesIO(own.pdf)).pages]
    assert text == [page.extract_text() for page in PdfReader(BytesIO(render_pdf(SHEET))).pages]


def test_what_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "TIMEOUT_SECONDS", 4.0)
    loop = "{{% for {} in range(999) %}}"
    endless = "".join(map(loop.format, "abc")) + "{% endfor %}" * 3
    with pytest.raises(LayoutFaulty, match="more time or memory"):
        print_report(SHEET, ReportDesign(template=endless))


def test_a_busy_printer_is_no_fault_of_the_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "_AT_ONCE", threading.BoundedSemaphore(1))
    monkeypatch.setattr(apart, "_WAIT_SECONDS", 0.01)
    with apart._AT_ONCE, pytest.raises(DocumentNotMade, match="try again"):
        print_report(SHEET, ReportDesign(template="<p>x</p>"))


def test_styles_that_are_not_understood_are_told() -> None:
    printed = print_report(SHEET, ReportDesign(style="p { colour: red }"))
    assert any("colour" in note for note in printed.notes)
