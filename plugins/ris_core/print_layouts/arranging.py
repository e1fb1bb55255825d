"""From a template and facts to pages: the suite's own templates here, those that somebody wrote in a process apart."""

from __future__ import annotations

import functools
from typing import Any

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from weasyprint.urls import FatalURLFetchingError

from ris_core.errors import QuangError
from ris_core.print_layouts.sandbox import LayoutFaulty, fill
from ris_core.print_layouts.style import SHIPPED
from ris_core.print_layouts.typesetting import File, Page, Printed, typeset


class DocumentNotMade(QuangError):
    """The layout engine failed on this report."""

    code = "QUANG-5006"


class Task(msgspec.Struct, frozen=True):
    """What is to be printed: plain data, so that it can be handed to a process apart."""

    shipped: str
    """The suite's own template: ``report.html.jinja``."""
    template: str
    """A template that somebody wrote, in its place; empty: none."""
    context: dict[str, Any]
    styles: tuple[str, ...]
    files: dict[str, File] = {}
    archival: bool = False
    own_style: bool = False
    """Whether somebody wrote one of the styles."""

    @property
    def is_own(self) -> bool:
        return bool(self.template) or self.own_style


def arranged(task: Task) -> Printed:
    """``task`` as pages. What somebody wrote is printed apart, within bounds of time and memory.

    :raises LayoutFaulty: what somebody wrote cannot be printed
    :raises DocumentTooLarge: more than 8 MB
    :raises DocumentNotMade: the layout engine failed, or is busy
    """
    if task.is_own:
        from ris_core.print_layouts.apart import printed_apart

        return printed_apart(task)
    return laid_out(task)


def laid_out(task: Task) -> Printed:
    """The same in this process.

    :raises LayoutFaulty, DocumentTooLarge, DocumentNotMade: as above
    """
    html = fill(task.template, task.context) if task.template else _shipped(task.shipped).render(task.context)
    try:
        return typeset(Page(html, task.styles, task.files, archival=task.archival))
    except FatalURLFetchingError as error:
        raise LayoutFaulty(str(error)) from error
    except (OSError, ValueError, LookupError, ArithmeticError, TypeError, AttributeError) as error:
        # the layout engine names no errors of its own
        if task.is_own:
            raise LayoutFaulty(f"the page could not be laid out ({type(error).__name__})") from error
        raise DocumentNotMade(f"the report could not be laid out ({type(error).__name__})") from error


def shipped_source(name: str) -> str:
    """The suite's own template, for somebody to begin with."""
    return (SHIPPED / name).read_text(encoding="utf-8")


@functools.cache
def _shipped(name: str) -> Any:
    return Environment(loader=FileSystemLoader(SHIPPED), autoescape=True, undefined=StrictUndefined).get_template(name)
