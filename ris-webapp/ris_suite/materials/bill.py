"""The bill of materials as CycloneDX 1.6 (ECMA-424), and its check against that schema."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

import cyclonedx.schema
import jsonschema_rs

from ris_suite.materials.component import Component

_OURS: Final = uuid.UUID("5b6f2c0e-5a53-5f0c-9c1c-6f2a0a7c5e11")
_SIMPLE: Final = re.compile(r"[A-Za-z0-9.+-]+")

Json = dict[str, Any]


class NotCycloneDx(ValueError):
    """The bill is not what the schema asks for."""


def write(components: Iterable[Component], *, version: str, made: datetime) -> str:
    """JSON text. What it is made of decides its serial number: the same materials give the same one.

    :raises NotCycloneDx: it does not fit the schema, which is a fault of ours
    """
    merged = _merged(components)
    listed = [_component(group) for group in merged]
    known = {entry["bom-ref"] for entry in listed}
    own = f"pkg:generic/quang@{version}"
    needed = {purl for group in merged for purl in group[0].needs}
    bill: Json = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "serialNumber": f"urn:uuid:{uuid.uuid5(_OURS, json.dumps(listed, sort_keys=True))}",
        "metadata": {
            "timestamp": made.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            "component": {
                "type": "application",
                "bom-ref": own,
                "name": "quang",
                "version": version,
                "purl": own,
                "licenses": [{"license": {"id": "AGPL-3.0-or-later"}}],
            },
        },
        "components": listed,
        "dependencies": [
            {"ref": own, "dependsOn": sorted(known - needed)},
            *(
                {"ref": group[0].purl, "dependsOn": sorted(known.intersection(group[0].needs))}
                for group in merged
                if group[0].needs
            ),
        ],
        "compositions": [
            {"aggregate": "incomplete", "assemblies": [group[0].purl]} for group in merged if group[0].contains
        ],
    }
    text = json.dumps(bill, indent=1, ensure_ascii=False) + "\n"
    check(bill)
    return text


def check(bill: object) -> None:
    """:raises NotCycloneDx: ``bill`` does not fit the schema of CycloneDX 1.6"""
    fault = next(_schema().iter_errors(bill), None)
    if fault is not None:
        raise NotCycloneDx(f"{'/'.join(map(str, fault.instance_path))}: {fault.message[:2_000]}")


@cache
def _schema() -> jsonschema_rs.Draft7Validator:
    """As its makers publish it, with the schemas that it refers to; nothing is fetched."""
    folder = Path(cyclonedx.schema.__file__).with_name("_res")
    schemas = {path.name: json.loads(path.read_text()) for path in folder.glob("*.SNAPSHOT.schema.json")}
    # they refer to each other by the names of these files
    registry = jsonschema_rs.Registry([(f"http://cyclonedx.org/schema/{name}", each) for name, each in schemas.items()])
    return jsonschema_rs.Draft7Validator(
        schemas["bom-1.6.SNAPSHOT.schema.json"], registry=registry, validate_formats=True
    )


def _merged(components: Iterable[Component]) -> list[Sequence[Component]]:
    """The same package in several places is one component, used where the first of them is."""
    found: dict[str, list[Component]] = {}
    for component in components:
        found.setdefault(component.purl, []).append(component)
    return [found[purl] for purl in sorted(found)]


def _component(group: Sequence[Component]) -> Json:
    first = group[0]
    entry: Json = {
        "type": "library",
        "bom-ref": first.purl,
        "name": first.name,
        "version": first.version,
        "purl": first.purl,
        "scope": "required" if any(component.part.shipped for component in group) else "excluded",
        "properties": [
            {"name": "quang:part", "value": value}
            for value in dict.fromkeys(component.where or str(component.part) for component in group)
        ],
    }
    if first.licence_names:
        entry["licenses"] = [{"license": {"name": name}} for name in first.licence_names]
    elif first.licence is not None:
        single = _SIMPLE.fullmatch(first.licence)
        entry["licenses"] = [{"license": {"id": first.licence}}] if single else [{"expression": first.licence}]
    hashes = next((component.hashes for component in group if component.hashes), ())
    if hashes:
        entry["hashes"] = [{"alg": algorithm, "content": digest} for algorithm, digest in hashes]
    if first.distributions:
        entry["externalReferences"] = [
            {"type": "distribution", "url": each.url, "hashes": [{"alg": each.algorithm, "content": each.digest}]}
            for each in first.distributions
        ]
    if first.contains:
        entry["components"] = [
            {"type": "library", "bom-ref": f"{first.purl}#{name}", "name": name} for name in first.contains
        ]
    return entry
