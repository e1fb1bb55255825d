"""F1, the customer's workflow: order, worklist, images, report, return, on whichever backend and database."""

from __future__ import annotations

import pytest

from ris_testing.backends import RunningSuite
from ris_testing.five_steps import FiveSteps
from ris_testing.his import SimulatedHis

pytestmark = [pytest.mark.integration, pytest.mark.both]


def test_an_order_becomes_a_result_in_the_his(suite: RunningSuite) -> None:
    with SimulatedHis(host=suite.listen_host) as his:
        suite.manage("seed_demo", "--his-host", suite.reachable_host, "--his-port", str(his.port))
        steps = list(FiveSteps(suite, his).play())
    assert [step.number for step in steps] == [1, 2, 3, 4, 5]
