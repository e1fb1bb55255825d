"""What every scenario may ask for: a suite of processes or of containers (``QUANG_BACKEND``), on either database.

See ``ris_testing/backends.py`` for what the environment chooses, ``docs/how-to/it-docker.md`` for the containers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from ris_testing import containers
from ris_testing.backends import RunningSuite, chosen_backend
from ris_testing.browser import Visitor, chromium, visitor
from ris_testing.start import start_suite

# what container files promise can be seen on containers only; backups by our command are of suites of processes
collect_ignore = (
    ["scenarios/test_backup_restored.py"] if chosen_backend() == "containers" else ["scenarios/test_containers.py"]
)

SHARED_SETTINGS = {
    "QUANG_READING__DICTATION": "true",
    "QUANG_ACCESS__WEBAUTHN_HOST": "localhost",
    "QUANG_ACCESS__FAILED_LOGINS_PER_ADDRESS": "1000",
}
"""What the suite that scenarios share has switched on beyond the defaults; all its people come from one address."""

SCENARIOS = Path(__file__).with_name("scenarios")
LONGEST = (
    "test_signing", "test_images", "test_kill_nine", "test_screens_whole", "test_trouble", "test_delivery",
    "test_reading_page", "test_images_killed", "test_anonymous_kinds", "test_report_kept", "test_under_attack",
    "test_results_to_all", "test_front_door_https", "test_device_sends_twice", "test_intake_killed",
    "test_viewer_kinds", "test_doctor_outside", "test_openid_login", "test_programs", "test_directory_login",
    "test_corrected_images", "test_engine_survives", "test_backup_restored", "test_blinded_reading", "test_roles",
)  # fmt: skip
"""Scenario files that take longest, the longest first."""

SuiteMaker = Callable[[Mapping[str, str]], RunningSuite]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Scenarios: the longest files first, then those of most tests, so that what is left for the end is short.

    With several workers this takes ``--no-loadscope-reorder``.
    """
    tests_of = Counter(item.path for item in items)

    def turn(item: pytest.Item) -> tuple[int, int, str]:
        if item.path.parent != SCENARIOS:
            return -1, 0, ""
        rank = LONGEST.index(item.path.stem) if item.path.stem in LONGEST else len(LONGEST)
        return rank, -tests_of[item.path], item.path.stem

    items.sort(key=turn)


@pytest.fixture(scope="session")
def suite(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSuite]:
    """A running suite that all scenarios share: they use patients and orders of their own and break nothing."""
    if chosen_backend() == "containers":
        project: containers.ComposeProject = request.getfixturevalue("compose_project")
        request.getfixturevalue("docker_services")  # takes the project down at the end, whatever happens
        yield containers.bring_up(project, request.getfixturevalue("compose_settings"))
        return
    shared = start_suite(tmp_path_factory.mktemp("suite"), SHARED_SETTINGS)
    try:
        yield shared
    finally:
        shared.down()


@pytest.fixture
def new_suite(tmp_path: Path) -> Iterator[SuiteMaker]:
    """Makes a suite of the scenario's own, with settings of its own; for what kills, freezes or fills things."""
    made: list[RunningSuite] = []

    def make(overrides: Mapping[str, str]) -> RunningSuite:
        made.append(start_suite(tmp_path / f"suite-{len(made)}", overrides))
        return made[-1]

    yield make
    for suite in made:
        suite.down()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser in which each visitor has a profile of their own."""
    with chromium() as launched:
        yield launched


@pytest.fixture
def radiologist(browser: Browser, suite: RunningSuite) -> Iterator[Visitor]:
    """Somebody who reads, logged in."""
    with visitor(browser, suite, "bacsi") as seen:
        yield seen


# ---- what pytest-docker asks for ----


@pytest.fixture(scope="session")
def compose_settings() -> dict[str, str]:
    """The variables of ``compose.yaml`` for this run: free ports, demo data."""
    return containers.project_settings(SHARED_SETTINGS, demo=True)


@pytest.fixture(scope="session")
def compose_env_file(compose_settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a file, for every compose command of this run."""
    path = tmp_path_factory.mktemp("compose") / "compose.env"
    containers.write_env_file(path, compose_settings)
    return path


@pytest.fixture(scope="session")
def compose_project(docker_compose_project_name: str, compose_env_file: Path) -> containers.ComposeProject:
    """The project that ``docker_services`` starts and takes down."""
    return containers.ComposeProject(containers.compose_command(), docker_compose_project_name, compose_env_file)


@pytest.fixture(scope="session")
def docker_compose_command(compose_env_file: Path) -> str:
    """``docker compose`` or ``docker-compose``, whichever is installed, with this run's settings."""
    return f"{containers.compose_command()} --env-file '{compose_env_file}'"


@pytest.fixture(scope="session")
def docker_compose_file() -> list[str]:
    """The product's own compose file, and what tests add to it."""
    return [str(path) for path in containers.COMPOSE_FILES]


@pytest.fixture(scope="session")
def docker_setup() -> list[str]:
    """Nothing: the fixture ``suite`` starts the project and shows the logs of what does not come up."""
    return []


@pytest.fixture(scope="session")
def docker_cleanup() -> list[str]:
    """The volumes go too: each run begins with new secrets and an empty archive."""
    return ["down --volumes --timeout 10"]
