"""Orthanc's configuration: the repository's commented sources, and what is rendered from them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ris_suite.dicom_settings import DicomSettings
from ris_suite.orthanc_config import ConfigurationProblem, OrthancSettings, read, render

SETTINGS = OrthancSettings(
    storage=Path('/srv/a "quoted" home/orthanc'),
    http_port=8042,
    dicom_port=4242,
    plugins=["/plugins/libOrthancPython.so"],
    python_script=Path("/repo/plugins/orthanc_main.py"),
    temporary=Path("/srv/tmp"),
)


def test_values_are_put_in_as_json_whatever_they_contain() -> None:
    configuration = render(SETTINGS)
    assert configuration["StorageDirectory"] == '/srv/a "quoted" home/orthanc'
    assert configuration["DicomPort"] == 4242
    assert configuration["Plugins"] == ["/plugins/libOrthancPython.so"]


def test_only_registered_devices_may_query_and_what_they_store_and_ask_the_worklist_is_decided_by_the_plugins() -> None:
    configuration = render(SETTINGS)
    allowed = {name for name, value in configuration.items() if name.startswith("DicomAlwaysAllow") and value}
    assert allowed == {"DicomAlwaysAllowEcho", "DicomAlwaysAllowStore", "DicomAlwaysAllowFindWorklist"}
    assert configuration["DicomCheckCalledAet"] is True
    assert configuration["DicomModalitiesInDatabase"] is True


def test_the_title_and_who_may_store_are_what_the_settings_say(tmp_path: Path) -> None:
    file = tmp_path / "quang.toml"
    assert DicomSettings.read(file, {}) == DicomSettings("QUANG", registered_only=True)
    file.write_text('[dicom]\nae_title = "VIETDUC"\nregistered_only = false\n[site]\nname = "x"\n')
    told = DicomSettings.read(file, {})
    assert told == DicomSettings("VIETDUC", registered_only=False)
    configuration = render(replace(SETTINGS, ae_title=told.ae_title, registered_only=told.registered_only))
    assert configuration["DicomAet"] == "VIETDUC"
    assert configuration["DicomAlwaysAllowFind"] is configuration["DicomAlwaysAllowMove"] is True
    assert DicomSettings.read(file, {"QUANG_DICOM__REGISTERED_ONLY": "true"}).registered_only is True
    assert DicomSettings.read(file, {"QUANG_DICOM__PLAIN": "false"}).plain is False


@pytest.mark.parametrize(
    ("name", "value"),
    [("AE_TITLE", "LONGER-THAN-16-CHARACTERS"), ("AE_TITLE", " "), ("REGISTERED_ONLY", "maybe"), ("PLAIN", "2")],
)
def test_a_dicom_setting_that_cannot_be_is_refused_by_name(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(ConfigurationProblem, match=f"dicom.{name.lower()}"):
        DicomSettings.read(tmp_path / "none.toml", {f"QUANG_DICOM__{name}": value})


def test_an_image_is_on_the_disk_before_it_is_acknowledged_and_is_never_replaced_or_recycled() -> None:
    configuration = render(SETTINGS)
    assert configuration["SyncStorageArea"] is True
    assert configuration["OverwriteInstances"] == "Never"
    assert (configuration["MaximumStorageSize"], configuration["MaximumPatientCount"]) == (0, 0)


def test_gdcm_is_kept_to_jpeg_2000() -> None:
    configuration = render(SETTINGS)
    prefix = "1.2.840.10008.1.2.4."
    assert configuration["Gdcm"]["RestrictTransferSyntaxes"] == [prefix + last for last in ("90", "91", "92", "93")]
    assert configuration["BuiltinDecoderTranscoderOrder"] == "Before"


def test_it_listens_on_loopback_unless_it_is_told_otherwise() -> None:
    configuration = render(SETTINGS)
    assert configuration["HttpBindAddresses"] == ["127.0.0.1"]
    assert configuration["RemoteAccessAllowed"] is False
    in_a_container = render(replace(SETTINGS, listens_on_loopback_only=False))
    assert "HttpBindAddresses" not in in_a_container
    assert in_a_container["RemoteAccessAllowed"] is True


def test_automation_off_opens_orthanc_on_loopback_and_keeps_what_protects_the_process() -> None:
    configuration = render(replace(SETTINGS, automation=False))
    assert configuration["DicomAlwaysAllowStore"] is True
    assert configuration["DicomAlwaysAllowFindWorklist"] is True
    assert configuration["HttpBindAddresses"] == ["127.0.0.1"]
    assert configuration["Python"]["AllowThreads"] is True
    assert configuration["Gdcm"] == render(SETTINGS)["Gdcm"]


def test_a_placeholder_without_a_value_is_an_error_that_names_file_and_placeholder(tmp_path: Path) -> None:
    source = tmp_path / "archive.json"
    source.write_text('{"DicomPort": ${DICOM_PROT}}')
    with pytest.raises(ConfigurationProblem, match=r"archive\.json: \$\{DICOM_PROT\}"):
        read(source, {"DICOM_PORT": 4242})


def test_comments_are_removed_but_not_what_looks_like_one_inside_a_string(tmp_path: Path) -> None:
    source = tmp_path / "archive.json"
    source.write_text('{"Url": "http://host/a", // the // rest\n /* and\n this */ "Path": "/* no comment */"}')
    assert read(source, {}) == {"Url": "http://host/a", "Path": "/* no comment */"}
