"""Documents from files checked against what they must look like, so that a wrong one is named with the place in it."""
from __future__ import annotations

from pathlib import Path
from typing import Any

from analysis.results import ResultError

ANY: Any = object()  # whatever stands there
NUMBER = (int, float)
SCALAR = (str, int, float, bool, type(None))
_NAMES = {str: "text", int: "a number", float: "a number", bool: "true or false", type(None): "nothing", list: "a list", dict: "an object"}


def _said(shape: Any) -> str:
    if isinstance(shape, tuple):
        return " or ".join(dict.fromkeys(_said(s) for s in shape if s is not type(None)))
    return _NAMES[shape if isinstance(shape, type) else type(shape)]


def check(value: Any, shape: Any, file: Path, place: str = "") -> None:
    """`shape`: a type; a tuple of alternatives; [shape] a list of such; {key: shape} an object, whose keys are required unless they end
    in "?", and where "*" is every key. Keys not named are left alone. ResultError: FILE: PLACE: expected ..., found ...."""
    if shape is ANY:
        return
    of = next((s for s in (shape if isinstance(shape, tuple) else (shape,)) if _is(value, s)), None)
    if of is None:
        what = f"{_NAMES.get(type(value), '?')}{f' {value!r:.40}' if isinstance(value, (str, int, float)) else ''}"
        raise ResultError(f"{file}: {place or 'its top'}: expected {_said(shape)}, found {what}")
    if isinstance(of, list):
        for i, item in enumerate(value):
            check(item, of[0], file, f"{place}[{i}]")
    elif isinstance(of, dict):
        _check_keys(value, of, file, f"{place}." if place else "")


def _is(value: Any, shape: Any) -> bool:
    kind = shape if isinstance(shape, type) else type(shape)
    if kind in NUMBER and isinstance(value, int) and value.bit_length() > 1000:  # no float can hold it
        return False
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def _check_keys(value: dict[str, Any], shape: dict[str, Any], file: Path, before: str) -> None:
    for key, of in shape.items():
        name = key.rstrip("?")
        if key == "*":
            for k, item in value.items():
                check(item, of, file, f"{before}{k}")
        elif name in value:
            check(value[name], of, file, before + name)
        elif not key.endswith("?"):
            raise ResultError(f"{file}: {before}{name}: is missing")
