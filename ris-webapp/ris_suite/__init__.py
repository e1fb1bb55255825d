"""Runs Quang natively: prepares the machine, and starts, watches and stops the processes of one suite.

Only the standard library is used, because this package is what installs everything else: it runs with the bare system
``python3`` (3.11 or newer) as ``python3 -m ris_suite VERB``. Tests import
:class:`ris_suite.suite.Suite`.
"""
