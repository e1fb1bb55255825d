"""The only code that imports ``orthanc``: what the plugins see of the engine, and nothing more.

A plugin's ``register(host, settings)`` subscribes to what it needs on the :class:`~orthanc_host.host.Host`; the
dispatcher registers each of Orthanc's callbacks once. Tests use :class:`~orthanc_host.fakes.FakeHost`.
"""
