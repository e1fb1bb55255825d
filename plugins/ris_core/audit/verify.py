"""Tell whether a file of audit events is whole and unchanged; needs nothing but the file and Python (ADR 33).

    python -m ris_core.audit.verify FILE...        from an installation
    python verify.py FILE...                       this file alone, copied anywhere

A file has one event a line, as JSON, in the order of the chain, and a closing line. Each event's ``hash`` is the
SHA-256 of its line without ``hash``; ``previous`` is the hash of the event before it. Several files are read as one
chain. The first line that is wrong, missing or changed is named. Exit code 0: whole; 1: not; 2: cannot be read.

What is checked is that nothing within the chain was changed, taken out or put in. Whoever can write every copy could
compute a whole chain anew: compare the last hash with one kept elsewhere (syslog server, an earlier file): ``--hash``.
With ``--selection`` the lines may be any choice of events: each is only compared with its own hash.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

GENESIS = "0" * 64
"""``previous`` of the first event."""
CLOSING = "closes"
"""Only the last line of a file has this key: the ``sequence`` of its last event."""
LONGEST_LINE = 1_000_000
"""Characters; what is longer is no line of ours."""


def canonical(facts: dict[str, Any]) -> str:
    """The one way to write ``facts`` as JSON: keys sorted, no blanks, every character as it is."""
    return json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(facts: dict[str, Any]) -> str:
    """What ``hash`` of an event must be: SHA-256, in hexadecimal, of its line (UTF-8) without ``hash``."""
    told = {name: value for name, value in facts.items() if name != "hash"}
    return hashlib.sha256(canonical(told).encode("utf-8", "surrogatepass")).hexdigest()


class ChainBroken(Exception):
    """The first thing that is wrong.

    :ivar where: ``file:line``
    """

    def __init__(self, where: str, what: str) -> None:
        super().__init__(f"{where}: {what}")
        self.where = where
        self.what = what


@dataclass
class Chain:
    """What has been seen of the chain."""

    first: int | None = None
    last: int | None = None
    hash: str = ""
    events: int = 0

    def take(self, facts: dict[str, Any], where: str) -> None:
        """The next event.

        :raises ChainBroken: it is not what must come next
        """
        sequence = facts.get("sequence")
        if not isinstance(sequence, int) or isinstance(sequence, bool) or sequence < 1:
            raise ChainBroken(where, "no event: it has no sequence number")
        if self.last is None:
            if sequence == 1 and facts.get("previous") != GENESIS:
                raise ChainBroken(where, "event 1 was changed: nothing comes before the first event")
            self.first = sequence
        elif sequence != self.last + 1:
            raise ChainBroken(where, _misplaced(sequence, self.last))
        elif facts.get("previous") != self.hash:
            raise ChainBroken(where, f"event {sequence} does not follow event {self.last}: one of them was replaced")
        check_own_hash(facts, where)
        self.last, self.hash = sequence, str(facts["hash"])
        self.events += 1

    def close(self, closing: dict[str, Any], where: str) -> None:
        """The last line of a file.

        :raises ChainBroken: the file does not end where the line says
        """
        if closing.get(CLOSING) != self.last or closing.get("hash") != self.hash:
            raise ChainBroken(
                where, f"the file was closed after event {closing.get(CLOSING)}, it ends with {self.last}"
            )


def _misplaced(sequence: int, last: int) -> str:
    if sequence <= last:
        return f"event {sequence} comes after event {last}: it is there twice, or moved"
    missing = f"event {last + 1} is" if sequence == last + 2 else f"events {last + 1} to {sequence - 1} are"
    return f"{missing} missing before event {sequence}"


def check_own_hash(facts: dict[str, Any], where: str) -> None:
    """:raises ChainBroken: the event is not the one that was hashed"""
    if facts.get("hash") != digest(facts):
        raise ChainBroken(where, f"event {facts.get('sequence')} was changed: its hash is another")


def read_lines(lines: Iterable[str], name: str) -> Iterator[tuple[dict[str, Any], str]]:
    """Each line's facts with where it stands.

    :raises ChainBroken: a line is none of ours
    """
    for number, line in enumerate(lines, 1):
        where = f"{name}:{number}"
        if len(line) > LONGEST_LINE:
            raise ChainBroken(where, "no event: the line is too long")
        try:
            facts = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ChainBroken(where, "no event: the line is not JSON") from error
        if not isinstance(facts, dict):
            raise ChainBroken(where, "no event: the line is no JSON object")
        try:
            unchanged = canonical(facts) == line.rstrip("\r\n")
        except ValueError:
            unchanged = False
        if not unchanged:
            raise ChainBroken(where, f"event {facts.get('sequence')} was changed: it is not written as events are")
        yield facts, where


def verify_file(lines: Iterable[str], name: str, chain: Chain) -> None:
    """Read one file on; ``chain`` is what came before and is moved on.

    :raises ChainBroken: at the first thing that is wrong
    """
    closed, where = False, f"{name}:1"
    for facts, where in read_lines(lines, name):
        if closed:
            raise ChainBroken(where, "there is something after the closing line")
        if CLOSING in facts:
            chain.close(facts, where)
            closed = True
        else:
            chain.take(facts, where)
    if not closed:
        raise ChainBroken(where, f"the closing line is missing: what came after event {chain.last} was cut off")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="verify", description="Check files of audit events.")
    parser.add_argument("files", nargs="+", metavar="FILE")
    parser.add_argument("--hash", default="", help="what the last event's hash must be, from a copy kept elsewhere")
    parser.add_argument("--selection", action="store_true", help="the lines are a choice of events, not the chain")
    wanted = parser.parse_args(arguments)
    chain = Chain()
    try:
        for name in wanted.files:
            with open(name, encoding="utf-8", newline="\n") as lines:
                if wanted.selection:
                    for facts, where in read_lines(lines, name):
                        check_own_hash(facts, where)
                        chain.events += 1
                else:
                    verify_file(lines, name, chain)
        if wanted.hash and wanted.hash.lower() != chain.hash:
            raise ChainBroken(wanted.files[-1], f"the last hash is {chain.hash}, not the one given")
    except ChainBroken as broken:
        print(f"NOT WHOLE  {broken}")
        return 1
    except (OSError, UnicodeDecodeError) as error:
        print(f"cannot be read: {error}", file=sys.stderr)
        return 2
    if wanted.selection:
        print(f"UNCHANGED  {chain.events} events, each as it was sealed")
    else:
        print(f"WHOLE  events {chain.first} to {chain.last}, last hash {chain.hash}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
