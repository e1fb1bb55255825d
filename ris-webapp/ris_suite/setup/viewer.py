"""placeholder"""
from ris_suite.setup.runner import StepLog
INPUTS = ()
def install(log: StepLog) -> None: ...
