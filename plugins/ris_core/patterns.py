"""Regular expressions of administrators, matched in linear time whatever they are (key rules F5, tag rules P8).

Python's own matcher goes back and tries again: ``(a+)+$`` may keep a worker busy for hours on a text of 64 characters,
and so may repetitions that merely follow each other. Here a pattern is read by Python's parser and run as a set of
states that go through the text once (Thompson 1968, Pike's saved positions): at most :data:`LONGEST_TEXT` times
:data:`MOST_INSTRUCTIONS` steps. What needs going back, as backreferences and lookarounds do, is refused; everything
else means what it means in Python.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal, TypeAlias

from ris_core.errors import InvalidValue

_RE: Any = re
syntax, parser = _RE._constants, _RE._parser

LONGEST_PATTERN: Final = 200
LONGEST_TEXT: Final = 256
"""Characters of a text that are looked at; a value of DICOM's LO has 64."""
MOST_INSTRUCTIONS: Final = 256
MOST_REPLACED: Final = 64

_Test: TypeAlias = Callable[[str], bool]
_Saved: TypeAlias = tuple[int, int, int, int]
"""Where the match and its first group begin and end; -1: nowhere."""


class PatternRefused(InvalidValue):
    """A regular expression that is none, is too long, or would need going back in the text."""

    code = "QUANG-1007"


@dataclass(slots=True)
class _Step:
    """One instruction: what it does, where it goes on."""

    does: Literal["test", "fork", "save", "where", "found"]
    to: int = 0
    other: int = 0
    """``fork``: what is tried when :attr:`to` leads nowhere. ``save``: the slot."""
    test: _Test | None = None
    where: Any = None


@dataclass(frozen=True, slots=True)
class Found:
    """A match."""

    start: int
    end: int
    group: str
    """The first group's text, else the whole match."""


class Pattern:
    """A pattern that is ready to run; make it by :func:`pattern`."""

    def __init__(self, text: str, *, ignore_case: bool) -> None:
        tree = _parsed(text)
        self._folds = ignore_case or bool(tree.state.flags & re.IGNORECASE)
        self._steps: list[_Step] = []
        self._emit_save(0)
        self._emit(tree)
        self._emit_save(1)
        self._add(_Step("found"))
        self._has_group = tree.state.groups > 1

    def search(self, text: str, start: int = 0) -> Found | None:
        """The first match from ``start`` on, as ``re.search`` finds it."""
        text = text[:LONGEST_TEXT]
        best: _Saved | None = None
        running: list[tuple[int, _Saved]] = []
        for at in range(start, len(text) + 1):
            waiting: list[tuple[int, _Saved]] = []
            seen: set[int] = set()
            for step, saved in running:
                self._follow(step, saved, text, at, seen, waiting)
            if best is None:
                self._follow(0, (-1, -1, -1, -1), text, at, seen, waiting)
            running = []
            for step, saved in waiting:
                instruction = self._steps[step]
                if instruction.does == "found":
                    best = saved
                    break  # what comes later in the list is what Python would have tried later
                if at < len(text) and instruction.test is not None and instruction.test(text[at]):
                    running.append((instruction.to, saved))
            if best is not None and not running:
                break
        if best is None:
            return None
        group = text[best[2] : best[3]] if best[3] >= 0 else ""
        return Found(best[0], best[1], group if self._has_group else text[best[0] : best[1]])

    def replaced(self, text: str, value: str) -> str:
        """``text`` with ``value`` for the first :data:`MOST_REPLACED` matches, as ``re.sub`` does it."""
        text = text[:LONGEST_TEXT]
        parts: list[str] = []
        copied = at = 0
        for _ in range(MOST_REPLACED):
            found = self.search(text, at) if at <= len(text) else None
            if found is None:
                break
            parts += (text[copied : found.start], value)
            copied = found.end
            at = found.end + (found.end == found.start)
        return "".join((*parts, text[copied:]))

    def _follow(
        self, step: int, saved: _Saved, text: str, at: int, seen: set[int], waiting: list[tuple[int, _Saved]]
    ) -> None:
        """Go from ``step`` to every instruction that looks at a character, in the order in which Python would."""
        stack = [(step, saved)]
        while stack:
            step, saved = stack.pop()
            if step in seen:
                continue
            seen.add(step)
            instruction = self._steps[step]
            match instruction.does:
                case "fork":
                    stack += ((instruction.other, saved), (instruction.to, saved))
                case "save":
                    slot = instruction.other
                    stack.append((instruction.to, (*saved[:slot], at, *saved[slot + 1 :])))  # type: ignore[arg-type]
                case "where":
                    if _is_there(instruction.where, text, at):
                        stack.append((instruction.to, saved))
                case _:
                    waiting.append((step, saved))

    def _add(self, step: _Step) -> _Step:
        if len(self._steps) >= MOST_INSTRUCTIONS:
            raise PatternRefused("the pattern repeats too much; write it shorter", field="pattern")
        self._steps.append(step)
        step.to = len(self._steps)
        return step

    def _emit_save(self, slot: int) -> None:
        self._add(_Step("save", other=slot))

    def _emit(self, nodes: Iterable[Any]) -> None:
        for kind, argument in nodes:
            if kind in (syntax.LITERAL, syntax.NOT_LITERAL, syntax.ANY, syntax.IN):
                self._add(_Step("test", test=_test(kind, argument, folds=self._folds)))
            elif kind is syntax.AT:
                self._add(_Step("where", where=argument))
            elif kind is syntax.SUBPATTERN and not (argument[1] or argument[2]):
                number, _on, _off, body = argument
                if number == 1:
                    self._emit_save(2)
                self._emit(body)
                if number == 1:
                    self._emit_save(3)
            elif kind is syntax.BRANCH:
                self._emit_branches(argument[1])
            elif kind in (syntax.MAX_REPEAT, syntax.MIN_REPEAT):
                self._emit_repeat(*argument, greedy=kind is syntax.MAX_REPEAT)
            else:
                raise PatternRefused(
                    "the pattern looks around, looks back or sets flags within; write it without", field="pattern"
                )

    def _emit_branches(self, branches: list[Any]) -> None:
        ends: list[_Step] = []
        for branch in branches[:-1]:
            fork = self._add(_Step("fork"))
            self._emit(branch)
            ends.append(self._add(_Step("fork")))
            fork.other = len(self._steps)
        self._emit(branches[-1])
        for end in ends:
            end.to = end.other = len(self._steps)

    def _emit_repeat(self, least: int, most: int, body: Any, *, greedy: bool) -> None:
        if body.getwidth()[0] == 0 and most > 1:
            raise PatternRefused("the pattern repeats what may be empty; write it without", field="pattern")
        for _ in range(least):
            self._emit(body)
        forks: list[_Step] = []
        if most == syntax.MAXREPEAT:
            start = len(self._steps)
            forks.append(self._add(_Step("fork")))
            self._emit(body)
            again = self._add(_Step("fork"))
            again.to = again.other = start
        else:
            for _ in range(most - least):
                forks.append(self._add(_Step("fork")))
                self._emit(body)
        for fork in forks:
            fork.other = len(self._steps)
            if not greedy:
                fork.to, fork.other = fork.other, fork.to


@lru_cache(maxsize=1024)
def pattern(text: str, *, ignore_case: bool = False) -> Pattern:
    """``text`` ready to run.

    :raises PatternRefused: when it is no regular expression, or one that is not run here
    """
    return Pattern(text, ignore_case=ignore_case)


def check_pattern(text: str, field: str) -> None:
    """
    :raises PatternRefused: naming ``field``, as :func:`pattern` does
    """
    try:
        pattern(text)
    except PatternRefused as error:
        raise PatternRefused(error.detail, field=field) from error


def _parsed(text: str) -> Any:
    if len(text) > LONGEST_PATTERN:
        raise PatternRefused(f"a pattern has at most {LONGEST_PATTERN} characters", field="pattern")
    try:
        tree = parser.parse(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise PatternRefused(f"the pattern is not a regular expression: {error}", field="pattern") from error
    if tree.state.flags & ~(re.IGNORECASE | re.UNICODE):
        raise PatternRefused("of the flags only (?i) is taken", field="pattern")
    return tree


def _test(kind: Any, argument: Any, *, folds: bool) -> _Test:
    if kind is syntax.ANY:
        return lambda character: character != "\n"
    if kind is syntax.IN:
        negated = argument[0][0] is syntax.NEGATE
        tests = [_single(*each) for each in argument[negated:]]
    else:
        negated = kind is syntax.NOT_LITERAL
        tests = [_single(syntax.LITERAL, argument)]

    def matches(character: str) -> bool:
        forms = {character, character.lower(), character.upper()} if folds else {character}
        return any(test(form) for form in forms if len(form) == 1 for test in tests) != negated

    return matches


def _single(kind: Any, argument: Any) -> _Test:
    if kind is syntax.LITERAL:
        return chr(argument).__eq__
    if kind is syntax.RANGE:
        low, high = argument
        return lambda character: low <= ord(character) <= high
    return _CATEGORIES[argument]


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"


_CATEGORIES: Final[dict[Any, _Test]] = {
    syntax.CATEGORY_DIGIT: str.isdecimal,
    syntax.CATEGORY_NOT_DIGIT: lambda character: not character.isdecimal(),
    syntax.CATEGORY_SPACE: str.isspace,
    syntax.CATEGORY_NOT_SPACE: lambda character: not character.isspace(),
    syntax.CATEGORY_WORD: _is_word,
    syntax.CATEGORY_NOT_WORD: lambda character: not _is_word(character),
}


def _is_there(where: Any, text: str, at: int) -> bool:
    """Whether an anchor holds at a position."""
    if where in (syntax.AT_BEGINNING, syntax.AT_BEGINNING_STRING):
        return at == 0
    if where is syntax.AT_END_STRING:
        return at == len(text)
    if where is syntax.AT_END:
        return text[at:] in ("", "\n")
    before = at > 0 and _is_word(text[at - 1])
    after = at < len(text) and _is_word(text[at])
    return (before != after) == (where is syntax.AT_BOUNDARY)
