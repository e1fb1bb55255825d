"""The bill of materials: what it is read from, what the licence policy refuses, and that it fits CycloneDX's schema."""

from __future__ import annotations

import io
import json
import tarfile
from datetime import UTC, datetime
from email.message import Message
from pathlib import Path

import pytest

from ris_suite.materials import bill, debian_packages, images, npm_packages, page, python_packages
from ris_suite.materials.__main__ import NAMED_IN_ROOT, from_locks, viewer_and_engine
from ris_suite.materials.component import Component, Part
from ris_suite.materials.licences import NotAnExpression, Policy, allows

pytestmark = pytest.mark.once

POLICY = Policy.read()
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
LOCK = """
[[package]]
name = "quang"
version = "0.1.0"
source = { virtual = "." }
dependencies = [{ name = "served" }, { name = "with-extra", extra = ["more"] }]
[package.dev-dependencies]
engine = [{ name = "served" }]
build = [{ name = "builder" }]
dev = [{ name = "tester" }]
[[package]]
name = "served"
version = "1.0"
source = { registry = "https://pypi.org/simple" }
dependencies = [{ name = "needed" }, { name = "unwanted", marker = "sys_platform == 'never'" }]
sdist = { url = "https://files.example/served-1.0.tar.gz", hash = "sha256:HASH", size = 1 }
wheels = []
[[package]]
name = "needed"
version = "2.0"
source = { registry = "https://pypi.org/simple" }
[[package]]
name = "with-extra"
version = "3.0"
source = { registry = "https://pypi.org/simple" }
[package.optional-dependencies]
more = [{ name = "extra" }]
[[package]]
name = "extra"
version = "4.0"
source = { registry = "https://pypi.org/simple" }
[[package]]
name = "builder"
version = "5.0"
source = { registry = "https://pypi.org/simple" }
[[package]]
name = "tester"
version = "6.0"
source = { registry = "https://pypi.org/simple" }
[[package]]
name = "unwanted"
version = "7.0"
source = { registry = "https://pypi.org/simple" }
""".replace("HASH", "ab" * 32)
STATUS = """\
Package: libexample1
Status: install ok installed
Section: libs
Architecture: amd64
Version: 1:2.0+dfsg-1~bpo1
Description: an example
 that goes on

Package: gone
Status: deinstall ok config-files
Section: libs
Architecture: amd64
Version: 1.0

Package: firmware-example
Status: install ok installed
Section: non-free-firmware/kernel
Architecture: all
Version: 3
"""
DEP5 = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
License: GPL-3+

Files: docs/*
License: CC0-1.0

License: GPL-3+
 long text
"""


def a_component(name: str = "some", licence: str | None = "MIT", part: Part = Part.WEB_APP) -> Component:
    return Component(name, "1.0", f"pkg:pypi/{name}@1.0", part, licence)


def metadata(**fields: str) -> Message:
    message = Message()
    for name, value in fields.items():
        message[name.replace("_", "-")] = value
    return message


def test_what_is_installed_here_may_be_in_quang_fits_the_schema_and_is_on_the_page() -> None:
    """The whole of ``make sbom``, with the lock files, the viewer and the engine's root that are used."""
    locked = from_locks(POLICY)
    components = [*locked, *viewer_and_engine(POLICY)]
    assert list(POLICY.faults(components)) == []
    written = json.loads(bill.write(components, version="0.1.0", made=NOON))
    found = {component["purl"].split("@")[0]: component for component in written["components"]}
    for purl in ("pkg:pypi/django", "pkg:npm/htmx.org", "pkg:npm/%40ohif/app", "pkg:deb/debian/orthanc"):
        assert found[purl]["licenses"]
    assert found["pkg:npm/oidc-provider"]["scope"] == "excluded"
    assert len(found["pkg:npm/%40ohif/app"]["components"]) > 100
    for component in locked:
        assert component.hashes or component.distributions, component.name
    # Debian's packages are those of the day, and so is what their copyright files say
    rows = page.PAGE.read_text().splitlines()
    here = [line for line in rows if not line.startswith(tuple(f"| {name} |" for name in NAMED_IN_ROOT))]
    assert here == page.text(components, named=()).splitlines(), "run: make sbom"
    assert len(rows) - len(here) == len(NAMED_IN_ROOT), "run: make sbom"


def test_every_package_that_the_policy_speaks_of_is_there() -> None:
    locked = {component.name for component in from_locks(POLICY)}
    assert set(POLICY.stated) - locked == set()


def test_python_packages_are_found_from_what_the_project_names_with_what_they_need(tmp_path: Path) -> None:
    (tmp_path / "uv.lock").write_text(LOCK)
    found = {each.name: each for each in python_packages.read(tmp_path / "uv.lock", {}, POLICY)}
    assert {name: each.part for name, each in found.items()} == {
        "served": Part.WEB_APP,
        "needed": Part.WEB_APP,
        "with-extra": Part.WEB_APP,
        "extra": Part.WEB_APP,
        "builder": Part.BUILD,
        "tester": Part.TEST,
    }
    assert found["served"].needs == ("pkg:pypi/needed@2.0",)
    assert [each.digest for each in found["served"].distributions] == ["ab" * 32]


@pytest.mark.parametrize(
    ("fields", "licence"),
    [
        ({"License_Expression": "MIT AND Zlib"}, "MIT AND Zlib"),
        ({"License": "BSD-3-Clause"}, "BSD-3-Clause"),
        ({"License": "LGPL v3"}, "LGPL-3.0-or-later"),
        ({"License": "MIT, or whatever you like"}, None),
        ({"Classifier": "License :: OSI Approved :: MIT License"}, "MIT"),
        ({"Classifier": "License :: OSI Approved :: BSD License"}, None),
        ({}, None),
    ],
)
def test_the_licence_of_a_python_package_is_what_its_metadata_say(fields: dict[str, str], licence: str | None) -> None:
    assert POLICY.of_python_package("some-package", metadata(**fields)) == licence


def test_what_was_read_by_hand_comes_before_metadata() -> None:
    assert POLICY.of_python_package("jinja2", metadata(License="MIT")) == "BSD-3-Clause"


@pytest.mark.parametrize(
    ("expression", "fits"),
    [
        ("MIT", True),
        ("SSPL-1.0", False),
        ("SSPL-1.0 OR MIT", True),
        ("SSPL-1.0 AND MIT", False),
        ("MIT AND (SSPL-1.0 OR Zlib)", True),
        ("Zlib WITH Some-exception", True),
        ("SSPL-1.0 AND MIT OR Zlib", True),
    ],
)
def test_an_expression_is_decided_by_its_parts(expression: str, fits: bool) -> None:
    assert allows(expression, frozenset({"MIT", "Zlib"})) is fits


@pytest.mark.parametrize("text", ["", "MIT OR", "(MIT", "MIT)", "MIT License", "AND", "MIT WITH", "MIT, Zlib"])
def test_what_is_no_expression_is_not_guessed_at(text: str) -> None:
    with pytest.raises(NotAnExpression):
        allows(text, frozenset({"MIT", "Zlib"}))


@pytest.mark.parametrize("licence", [None, "SSPL-1.0", "As you like it"])
def test_an_unknown_or_refused_licence_is_told_with_the_package_s_name(licence: str | None) -> None:
    (fault,) = POLICY.faults([a_component(), a_component("odd-one", licence)])
    assert fault.startswith("odd-one 1.0 (web app): ")


def test_what_only_tests_may_be_under_more_licences() -> None:
    assert list(POLICY.faults([a_component(licence="Unlicense", part=Part.TEST)])) == []
    assert len(list(POLICY.faults([a_component(licence="Unlicense")]))) == 1


def test_npm_packages_have_the_hash_of_the_lock_file_and_those_that_build_are_told_apart(tmp_path: Path) -> None:
    packages = {
        "": {"name": "own", "version": "0"},
        "node_modules/@scope/used": {"version": "1.2.3", "license": "MIT", "integrity": "sha512-qg=="},
        "node_modules/a/node_modules/builds": {"version": "2.0.0", "license": "ISC", "dev": True},
    }
    (tmp_path / "package-lock.json").write_text(json.dumps({"packages": packages}))
    used, builds = npm_packages.read(tmp_path / "package-lock.json", Part.FRONT_END)
    assert (used.purl, used.part, used.hashes) == ("pkg:npm/%40scope/used@1.2.3", Part.FRONT_END, (("SHA-512", "aa"),))
    assert (builds.name, builds.part) == ("builds", Part.BUILD)


def test_debian_packages_are_those_installed_and_non_free_ones_are_refused() -> None:
    tree = debian_packages.Tree(STATUS, {"libexample1": DEP5, "firmware-example": DEP5}.get)
    hashes = {("libexample1", "1:2.0+dfsg-1~bpo1"): "cd" * 32}
    found = debian_packages.read(tree, Part.IMAGE, POLICY, release="forky", hashes=hashes, where="quang/orthanc:local")
    library, firmware = found
    assert library.purl == "pkg:deb/debian/libexample1@1%3A2.0%2Bdfsg-1%7Ebpo1?arch=amd64&distro=forky"
    assert library.licence_names == ("GPL-3+",)
    assert library.hashes == (("SHA-256", "cd" * 32),)
    (fault,) = POLICY.faults(found)
    assert fault.startswith("firmware-example 3 (quang/orthanc:local): ")
    assert firmware.licence_names == ()


def test_a_debian_package_without_a_copyright_file_is_refused() -> None:
    tree = debian_packages.Tree(STATUS, lambda package: None)
    assert len(list(POLICY.faults(debian_packages.read(tree, Part.ENGINE_ROOT, POLICY, release="forky")))) == 2


def test_a_copyright_file_in_prose_is_read_by_the_texts_it_points_at() -> None:
    text = "On Debian the text is in /usr/share/common-licenses/GPL-2. See also /usr/share/common-licenses/LGPL-2.1.\n"
    assert debian_packages.licence_names(text) == ("GPL-2", "LGPL-2.1")


def test_hashes_of_debian_packages_are_those_of_the_index(tmp_path: Path) -> None:
    lists = tmp_path / "var/lib/apt/lists"
    lists.mkdir(parents=True)
    (lists / "deb.example_main_Packages").write_text(
        "Package: libexample1\nVersion: 1:2.0+dfsg-1~bpo1\nSHA256: " + "ef" * 32 + "\n\n"
        "Package: libexample1\nVersion: 9\nSHA256: " + "00" * 32 + "\n"
    )
    tree = debian_packages.Tree(STATUS, lambda package: None)
    assert debian_packages.index_hashes(tmp_path, tree) == {("libexample1", "1:2.0+dfsg-1~bpo1"): "ef" * 32}


def test_an_image_s_packages_are_read_from_what_docker_copies_out_of_it() -> None:
    def archive(files: dict[str, str], links: dict[str, str]) -> bytes:
        written = io.BytesIO()
        with tarfile.open(fileobj=written, mode="w") as tar:
            for name, text in files.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(text.encode())
                tar.addfile(entry, io.BytesIO(text.encode()))
            for name, target in links.items():
                entry = tarfile.TarInfo(name)
                entry.type, entry.linkname = tarfile.SYMTYPE, target
                tar.addfile(entry)
        return written.getvalue()

    documents = archive(
        {"doc/libexample-doc/copyright": DEP5, "doc/other/changelog": "x"},
        {"doc/libexample1": "libexample-link", "doc/libexample-link": "libexample-doc", "doc/circle": "circle"},
    )
    tree = images.of_archives(archive({"status": STATUS}, {}), documents)
    assert tree.status == STATUS
    assert tree.copyright("libexample1") == DEP5
    assert tree.copyright("other") is None


def test_the_same_materials_give_the_same_bill_and_one_package_in_two_places_is_named_once() -> None:
    components = [
        a_component(),
        Component("some", "1.0", "pkg:pypi/some@1.0", Part.IMAGE, "MIT", where="quang/webapp:local"),
    ]
    first, second = (bill.write(given, version="1", made=NOON) for given in (components, components[::-1]))
    assert first.count('"bom-ref": "pkg:pypi/some@1.0"') == 1
    assert json.loads(first)["serialNumber"].startswith("urn:uuid:")
    assert bill.write(components, version="1", made=NOON) == first
    assert json.loads(second)["components"][0]["scope"] == "required"


def test_what_does_not_fit_the_schema_is_not_written() -> None:
    wrong = Component("some", "1.0", "pkg:pypi/some@1.0", Part.WEB_APP, "MIT", hashes=(("SHA-256", "not a hash"),))
    with pytest.raises(bill.NotCycloneDx, match="hash"):
        bill.write([wrong], version="1", made=NOON)
