"""Layouts that somebody wrote: Jinja2 that reaches nothing but what it is given, and faults that name their line."""

from __future__ import annotations

import traceback
from typing import Any, Final

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ris_core.errors import QuangError

_LARGEST_RANGE: Final = 1000
_LONGEST_TEXT: Final = 1_000_000
_MOST_HTML_CHARACTERS: Final = 2_000_000
_WHAT_A_TEMPLATE_MAY_DO_WRONG: Final = (
    TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError, MemoryError,
)  # fmt: skip


class LayoutFaulty(QuangError):
    """A layout that somebody wrote cannot be printed; ``line`` says where, 0 when it has no place."""

    code = "QUANG-5012"

    def __init__(self, detail: str, *, line: int = 0) -> None:
        super().__init__(f"line {line}: {detail}" if line else detail, field="template")
        self.line = line


class LayoutEnvironment(ImmutableSandboxedEnvironment):
    """Escapes all, knows no files and no other templates; sums and repetitions stay small."""

    intercepted_binops = frozenset({"*", "**", "+", "%"})

    def __init__(self) -> None:
        super().__init__(autoescape=True, undefined=StrictUndefined, loader=None, cache_size=0)
        self.globals = {"range": _short_range}
        for name in ("pprint", "random", "xmlattr", "urlize", "center", "indent"):
            self.filters.pop(name, None)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if operator == "**":
            raise SecurityError("powers are not computed in layouts")
        if operator == "*" and not all(isinstance(value, int | float) for value in (left, right)):
            raise SecurityError("only numbers are multiplied in layouts")
        if operator == "%" and isinstance(left, str):
            raise SecurityError("texts are not formatted by % in layouts: use ~")
        result = super().call_binop(context, operator, left, right)
        if isinstance(result, str | list | tuple) and len(result) > _LONGEST_TEXT:
            raise SecurityError("a text or list becomes too long")
        return result


def _short_range(*bounds: int) -> range:
    numbers = range(*bounds)
    if len(numbers) > _LARGEST_RANGE:
        raise SecurityError(f"a range has at most {_LARGEST_RANGE} numbers in layouts")
    return numbers


def check_syntax(source: str) -> None:
    """:raises LayoutFaulty: ``source`` is no template"""
    try:
        LayoutEnvironment().parse(source)
    except TemplateSyntaxError as error:
        raise LayoutFaulty(error.message or "not a template", line=error.lineno) from error
    except RecursionError as error:
        raise LayoutFaulty("the template is nested too deeply") from error


def fill(source: str, context: dict[str, Any]) -> str:
    """The HTML that ``source`` makes of ``context``; to be run where time and memory are bounded.

    :raises LayoutFaulty: it cannot be made, or grows beyond 2,000,000 characters
    """
    check_syntax(source)
    pieces, length = [], 0
    try:
        for piece in LayoutEnvironment().from_string(source).generate(context):
            length += len(piece)
            if length > _MOST_HTML_CHARACTERS:
                raise SecurityError("the page becomes too long")
            pieces.append(piece)
    except _WHAT_A_TEMPLATE_MAY_DO_WRONG as error:
        said = error.message if isinstance(error, TemplateError) else str(error)
        raise LayoutFaulty(said or type(error).__name__, line=_line_of(error)) from error
    return "".join(pieces)


def _line_of(error: BaseException) -> int:
    """Where in the template it happened: Jinja2 puts the template's lines into the traceback."""
    if isinstance(error, TemplateSyntaxError):
        return error.lineno
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "<template>"]
    return lines[-1] or 0 if lines else 0
