"""``make demo``: the five steps on the suite that runs, with what each showed.

A simulated HIS stays behind and goes on receiving results until the suite stops (``make down``).
"""

from __future__ import annotations

import sys
import time

from ris_suite.settings import SuiteSettings
from ris_suite.state import read_record
from ris_suite.suite import Suite
from ris_testing.five_steps import FiveSteps, StepFailed
from ris_testing.his_service import FollowedHis
from ris_testing.processes import ProcessSuite


def main() -> int:
    """0 only if all five steps happened."""
    native = Suite(SuiteSettings.from_environment())
    suite = ProcessSuite(native)
    supervisor_pid = read_record(native.settings.home).supervisor_pid
    if supervisor_pid is None:
        print("the suite is not running: make up", file=sys.stderr)
        return 1
    his = FollowedHis.start_beside(native.settings.home.path, supervisor_pid)
    suite.manage("seed_demo", "--his-port", str(his.port))
    began = time.monotonic()
    print(f"\nQuang: the five steps on {suite.public_url} ({suite.database})\n", flush=True)
    try:
        for step in FiveSteps(suite, his).play():
            print(f"{step.number}. {step.title}  [{step.seconds:.1f} s]")
            for line in step.evidence:
                print(f"   - {line}")
            sys.stdout.flush()
    except (StepFailed, TimeoutError, AssertionError) as problem:
        print(f"\nNot all five steps happened: {problem}", file=sys.stderr)
        return 1
    print(f"\nAll five steps happened in {time.monotonic() - began:.1f} s. The suite goes on running.\n")
    print(f"  RIS           {suite.public_url}/")
    print(f"  DICOM         {suite.ae_title} at {suite.dicom.host}:{suite.dicom.port}")
    print(f"  MLLP          {suite.mllp.host}:{suite.mllp.port}")
    print(f"  results       {his.folder}")
    for login in suite.demo_logins()["logins"]:
        print(f"  {login['role'].lower():13} {login['username']} / {login['password']}")
    print(f"\n  also in {native.settings.home.path / 'demo-logins.json'};  make status, make logs, make down")
    return 0


if __name__ == "__main__":
    sys.exit(main())
