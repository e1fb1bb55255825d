"""``docs/security.md`` tells what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from ris_core.access.rules import SERVICE_ROUTES, TOOL_ROUTES

SECURITY = Path(__file__).parents[4] / "docs" / "security.md"


def test_the_table_of_services_is_the_one_in_force() -> None:
    documented = re.findall(
        r"^\| (web|worker|monitor) \| `(\w+) (\S+)` \| (.+) \|$", SECURITY.read_text(), re.MULTILINE
    )
    in_force = [
        (name, route.method, route.path, route.why) for name, routes in SERVICE_ROUTES.items() for route in routes
    ]
    assert documented == in_force


def test_the_table_of_peoples_programs_is_the_one_in_force() -> None:
    documented = re.findall(r"^\| `([a-z_]+)` \| `(\w+) (\S+)` \| (.+) \|$", SECURITY.read_text(), re.MULTILINE)
    assert documented == [(str(function), route.method, route.path, route.why) for function, route in TOOL_ROUTES]
