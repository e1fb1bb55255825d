"""Registered devices and their groups, devices that nobody has registered, and the catalogue of imaging services."""

from __future__ import annotations

from django.db import models

from ris_core.devices.character_sets import UNICODE


class DeviceGroup(models.Model):
    """Devices that do each other's work: three ultrasound machines of one corridor."""

    name = models.CharField(max_length=64, unique=True)


class Device(models.Model):
    """A DICOM node we know: its AE title, where it is, what it may do here, and how it is spoken to."""

    ae_title = models.CharField(max_length=16, unique=True)
    name = models.CharField(max_length=128)
    modality = models.CharField(max_length=16, blank=True)
    """What it is first of all."""
    other_modalities = models.CharField(max_length=128, blank=True)
    """What else it does, separated by spaces: a fluoroscope that also takes radiographs."""
    host = models.CharField(max_length=255, default="127.0.0.1")
    networks = models.CharField(max_length=255, blank=True)
    """Addresses and networks from which it calls, when not from ``host`` alone."""
    port = models.PositiveIntegerField(default=104)
    room = models.CharField(max_length=64, blank=True)
    department = models.CharField(max_length=64, blank=True)
    groups = models.ManyToManyField(DeviceGroup, blank=True, related_name="devices")
    character_set = models.CharField(max_length=32, default=UNICODE)
    """Defined term of Specific Character Set (0008,0005) in which it is answered."""
    quirks = models.JSONField(default=dict, blank=True)
    """:class:`ris_core.devices.quirks.Quirks`."""
    worklist_filter = models.JSONField(default=dict, blank=True)
    """:class:`ris_core.devices.quirks.WorklistFilter`."""
    may_store = models.BooleanField(default=True)
    may_query_worklist = models.BooleanField(default=True)
    may_query = models.BooleanField(default=False)
    may_retrieve = models.BooleanField(default=False)
    may_commit = models.BooleanField(default=True)
    """Whether it may ask if what it sent is kept (storage commitment)."""
    may_call_plain = models.BooleanField(default=True)
    """Whether it may call without TLS."""
    certificate = models.CharField(max_length=255, blank=True)
    """:attr:`ris_core.devices.admission.Node.certificate`."""
    active = models.BooleanField(default=True)
    echoed_at = models.DateTimeField(null=True, blank=True)
    """When it was last asked for an echo; with what result."""
    echo_result = models.CharField(max_length=32, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    @property
    def modalities(self) -> tuple[str, ...]:
        """All that it does, the main one first."""
        return tuple(dict.fromkeys(f"{self.modality} {self.other_modalities}".split()))


class HostAddresses(models.Model):
    """Where the name of a device's host led when it was last looked up; by :mod:`ris_core.devices.host_names`."""

    host = models.CharField(max_length=255, primary_key=True)
    addresses = models.TextField(blank=True)
    """Separated by spaces."""
    found_at = models.DateTimeField(null=True)
    """When the name last led somewhere."""
    looked_at = models.DateTimeField()
    failing_since = models.DateTimeField(null=True)
    """None: the last look-up found it."""


class RefusedDevice(models.Model):
    """A title that has tried what it is not registered for; there is one row for each title and service."""

    class Service(models.TextChoices):
        WORKLIST = "WORKLIST"
        STORE = "STORE"
        REPORT = "REPORT"
        """Reports of performed procedure steps; at their port."""
        ASSOCIATION = "ASSOCIATION"
        QUERY = "QUERY"
        RETRIEVE = "RETRIEVE"
        COMMITMENT = "COMMITMENT"

    ae_title = models.CharField(max_length=64)
    service = models.CharField(max_length=16, choices=Service)
    reason = models.CharField(max_length=16, blank=True)
    """:class:`ris_core.devices.admission.Reason`, of the last time."""
    address = models.CharField(max_length=64, blank=True)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    times = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["ae_title", "service"], name="refused_device_unique")]


class ImagingService(models.Model):
    """An imaging service that can be ordered (dịch vụ kỹ thuật), in the hospital's own code system."""

    code = models.CharField(max_length=64)
    coding_system = models.CharField(max_length=64, blank=True)
    name = models.CharField(max_length=255)
    modality = models.CharField(max_length=16)
    body_part = models.CharField(max_length=64, blank=True)
    default_device = models.ForeignKey(Device, null=True, blank=True, on_delete=models.SET_NULL)
    minimum_minutes = models.PositiveIntegerField(default=0)
    usual_films = models.PositiveIntegerField(default=0)
    """How many films are printed of it as a rule: what a count begins with when the device tells of none."""
    active = models.BooleanField(default=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["code", "coding_system"], name="imaging_service_unique")]
