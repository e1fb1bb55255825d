"""The domain of the RIS-PACS: patients, orders, worklist, studies, reports, delivery.

Shared by the plugins inside Orthanc and by the web app and worker beside it. It never imports ``orthanc``,
``ris_plugins`` or ``ris_webapp``.
"""
