"""``python3 -m ris_suite VERB``: what the Makefile calls."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time

from ris_suite import layout
from ris_suite.settings import SettingsProblem, SuiteSettings
from ris_suite.setup.runner import run_steps
from ris_suite.setup.steps import setup_steps
from ris_suite.suite import Suite, SuiteFailed


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit status: 0 done, 1 failed, 2 wrong usage or settings."""
    parser = argparse.ArgumentParser(prog="python3 -m ris_suite", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    setup = verbs.add_parser("setup", help="install and build what is missing")
    setup.add_argument("--tests", action="store_true", help="also what tests and benchmarks need")
    setup.add_argument("--only", action="append", metavar="STEP", help="this step alone (may be repeated), for images")
    verbs.add_parser("up", help="start the suite and wait until it is healthy")
    verbs.add_parser("down", help="stop the suite")
    verbs.add_parser("status", help="print the state of every part as one JSON object")
    logs = verbs.add_parser("logs", help="show the end of the logs")
    logs.add_argument("part", nargs="?", help="one part; all when left out")
    logs.add_argument("--lines", type=int, default=40)
    logs.add_argument("--follow", action="store_true")
    manage = verbs.add_parser("manage", help="run manage.py inside the suite")
    manage.add_argument("rest", nargs=argparse.REMAINDER)
    options = parser.parse_args(arguments)
    try:
        settings = SuiteSettings.from_environment()
        return _run(options, Suite(settings))
    except SettingsProblem as problem:
        print(problem, file=sys.stderr)
        return 2
    except SuiteFailed as failure:
        print(f"\nThe suite did not come up.\n{failure}", file=sys.stderr)
        return 1


def _run(options: argparse.Namespace, suite: Suite) -> int:
    if options.verb == "setup":
        return _setup(suite, tests=options.tests, only=options.only)
    if options.verb == "up":
        return _up(suite)
    if options.verb == "down":
        suite.down()
        print("stopped")
        return 0
    if options.verb == "status":
        print(json.dumps(suite.status(), indent=2))
        return 0
    if options.verb == "logs":
        return _logs(suite, options.part, options.lines, follow=options.follow)
    result = suite.manage(*options.rest, timeout_seconds=7 * 86_400)
    sys.stdout.write(result.stdout)
    sys.stderr.write(result.stderr)
    return result.returncode


def _setup(suite: Suite, *, tests: bool, only: list[str] | None) -> int:
    began = time.monotonic()
    steps = setup_steps(tests=tests, postgresql=suite.settings.database == "postgresql")
    if only:
        unknown = set(only) - {step.name for step in steps}
        if unknown:
            print(f"no such step: {', '.join(sorted(unknown))}", file=sys.stderr)
            return 2
        steps = [step for step in steps if step.name in only]
    if not run_steps(steps):
        print("\nSetup is not complete; what is done stays done: run it again after mending this.", file=sys.stderr)
        return 1
    seconds = time.monotonic() - began
    if seconds > 1:
        print(f"everything is prepared ({seconds:.0f} s)")
    return 0


def _up(suite: Suite) -> int:
    began = time.monotonic()
    was_up = suite.is_up()
    suite.up(say=lambda text: print(f"  {text}", flush=True))
    if was_up and suite.settings.demo:
        result = suite.manage("seed_demo")
        if result.returncode != 0:
            print(result.stderr, file=sys.stderr)
            return 1
    print(f"Quang is {'already ' if was_up else ''}up at {suite.public_url} ({time.monotonic() - began:.0f} s)")
    ports = suite.ports
    print(
        f"DICOM port {ports['dicom']} (AE title QUANG), MLLP port {ports['mllp']}, data in {suite.settings.home.path}"
    )
    return 0


def _logs(suite: Suite, part: str | None, lines: int, *, follow: bool) -> int:
    folder = suite.settings.home.logs
    names = [part] if part else sorted(path.stem for path in folder.glob("*.log"))
    paths = [suite.settings.home.log_file(name) for name in names]
    missing = [str(path) for path in paths if not path.exists()]
    if missing or not paths:
        print(
            f"no such log: {', '.join(missing)}" if missing else f"there are no logs in {folder} yet", file=sys.stderr
        )
        return 1
    command = ["tail", "-n", str(lines), *(["-F"] if follow else []), *map(str, paths)]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    os.chdir(layout.REPOSITORY)
    sys.exit(main())
