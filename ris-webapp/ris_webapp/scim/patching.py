"""PATCH (RFC 7644 §3.5.2): operations carried out on a resource as JSON, which then replaces what was.

Understood are a path of one or two names, a filter ``[value eq "…"]`` or ``[type eq "…"]`` on a list, and an operation
without a path whose value names the attributes. Names are compared without regard to case, as the RFC has it.
"""

from __future__ import annotations

import re
from typing import Any, Final

from ris_core.access.errors import RequestUnreadable
from ris_webapp.scim.answers import PathRefused

PATCH: Final = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
MOST_OPERATIONS: Final = 200
_PATH: Final = re.compile(
    r'(?P<name>[A-Za-z$]+)(?:\[(?P<key>[A-Za-z]+)\s+eq\s+"(?P<value>[^"]*)"\])?(?:\.(?P<inner>[A-Za-z$]+))?',
    re.IGNORECASE,
)


def patched(resource: dict[str, Any], body: object, extensions: tuple[str, ...] = ()) -> dict[str, Any]:
    """``resource`` after the operations of ``body``; what it was is left as it is.

    :param extensions: URIs of schemas whose attributes lie in an object of that name
    :raises RequestUnreadable: no PatchOp
    :raises PathRefused: an operation that is not understood
    """
    operations = body.get("Operations") if isinstance(body, dict) else None
    if not isinstance(operations, list) or not 0 < len(operations) <= MOST_OPERATIONS:
        raise RequestUnreadable(f"a PatchOp has 1 to {MOST_OPERATIONS} Operations", field="Operations")
    result: dict[str, Any] = _copied(resource)
    for operation in operations:
        if not isinstance(operation, dict):
            raise RequestUnreadable("an operation is an object", field="Operations")
        verb = str(operation.get("op", "")).lower()
        if verb not in ("add", "replace", "remove"):
            raise PathRefused("op is add, replace or remove", field="op")
        _carry_out(result, verb, operation.get("path"), operation.get("value"), extensions)
    return result


def _carry_out(target: dict[str, Any], verb: str, path: object, value: Any, extensions: tuple[str, ...]) -> None:
    if path is None or path == "":
        if verb == "remove" or not isinstance(value, dict):
            raise PathRefused("an operation without path sets the attributes that its value names", field="path")
        for name, each in value.items():
            if name in extensions and isinstance(each, dict):
                for inner, one in each.items():
                    _set(_object(target, name), verb, inner, one)
            else:
                _carry_out(target, verb, name, each, extensions)
        return
    text = str(path)
    for uri in extensions:
        if text.lower().startswith(f"{uri.lower()}:"):
            target, text = _object(target, uri), text[len(uri) + 1 :]
    text = re.sub(r"^urn:ietf:params:scim:schemas:core:2\.0:(User|Group):", "", text, flags=re.IGNORECASE)
    found = _PATH.fullmatch(text)
    if found is None:
        raise PathRefused(f'a path reads name, name.name or name[value eq "…"]; not {text[:64]!r}', field="path")
    if found["key"]:
        _in_list(target, verb, found, value)
    elif found["inner"]:
        _set(_object(target, found["name"]), verb, found["inner"], value)
    else:
        _set(target, verb, found["name"], value)


def _in_list(target: dict[str, Any], verb: str, found: re.Match[str], value: Any) -> None:
    name, key, inner = _known(target, found["name"]), found["key"], found["inner"]
    entries = [each for each in target.get(name) or [] if isinstance(each, dict)]
    meant = [each for each in entries if str(each.get(key, "")).lower() == found["value"].lower()]
    if verb == "remove" and inner is None:
        target[name] = [each for each in entries if each not in meant]
        return
    if not meant:
        meant = [{key: found["value"]}]
        entries += meant
    for each in meant:
        if inner:
            _set(each, verb, inner, value)
        elif isinstance(value, dict):
            each.update(value)
    target[name] = entries


def _set(target: dict[str, Any], verb: str, name: str, value: Any) -> None:
    known = _known(target, name)
    if isinstance(target.get(known), dict) and isinstance(value, dict) and verb != "remove":
        target[known] = {**target[known], **value}
    elif isinstance(target.get(known), list) and verb != "replace":
        given = value if isinstance(value, list) else [] if value is None else [value]
        if verb == "add":
            target[known] = target[known] + [each for each in given if each not in target[known]]
        else:
            gone = {str(each.get("value")) for each in given if isinstance(each, dict)}
            target[known] = [each for each in target[known] if given and str(each.get("value")) not in gone]
    elif verb == "remove":
        target.pop(known, None)
    else:
        target[known] = value


def _object(target: dict[str, Any], name: str) -> dict[str, Any]:
    known = _known(target, name)
    if not isinstance(target.get(known), dict):
        target[known] = {}
    inner: dict[str, Any] = target[known]
    return inner


def _known(target: dict[str, Any], name: str) -> str:
    """The name as the resource writes it."""
    return next((each for each in target if each.lower() == name.lower()), name)


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _copied(each) for name, each in value.items()}
    return [_copied(each) for each in value] if isinstance(value, list) else value
