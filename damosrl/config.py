"""Named choices of the configuration tree, and plain mappings turned into typed values."""

import dataclasses
import math
import re
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, Union

import msgspec
import yaml

from damosrl.errors import ConfigError, UnknownNameError
from damosrl.paths import conf_dirs
from damosrl.yaml_problem import yaml_problem

T = TypeVar("T")

_WRONG_KIND = re.compile(r"Expected `([^`]+)`, got `([^`]+)`")
_MISSING_KEY = re.compile(r"Object missing required field `([^`]+)`")
_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "bool": "true or false",
    "array": "a list",
    "object": "key: value pairs",
    "null": "nothing (null)",
}
"""msgspec's names of types, in words."""


def choices(group: str) -> list[str]:
    """Return the names of a configuration group, such as ``machine``."""
    return sorted({path.stem for root in conf_dirs() for path in (root / group).glob("*.yaml")})


def choice_file(group: str, name: str) -> Path:
    """Return the file of a choice, ``<group>/<name>.yaml`` of this package or of another.

    Raises:
        UnknownNameError: The group has no such choice; the nearest is named.
        ConfigError: Two packages have it.
    """
    if name not in choices(group):
        raise UnknownNameError(group, name, choices(group))
    files = [path for root in conf_dirs() if (path := root / group / f"{name}.yaml").is_file()]
    if len(files) > 1:
        raise ConfigError(
            f"two packages have a {group} of the same name",
            got=" and ".join(map(str, files)),
            fix="rename one of them, or give its path",
        )
    return files[0]


def load_choice(group: str, name: str) -> dict[str, Any]:
    """Load the file of a choice; errors as of `choice_file`.

    Example:
        >>> load_choice("machine", "dram_cxl")["name"]
        'dram_cxl'
    """
    return load_yaml(choice_file(group, name))


def load_yaml(path: Path) -> dict[str, Any]:
    """Load a YAML file that holds a mapping.

    Raises:
        ConfigError: The file is missing, no YAML, or not a mapping.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"cannot read {path}", got=error.strerror, fix="check the path"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} is no YAML", got=yaml_problem(error), fix="mend the file"
        ) from error
    if not isinstance(content, dict):
        raise ConfigError(
            f"{path} holds no mapping", got=type(content).__name__, allowed="key: value lines"
        )
    return content


def described(group: str, choice: str | Path | Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a choice, however it is given.

    Args:
        group: Configuration group, such as ``machine``.
        choice: A name of the group, the path of a YAML, or a mapping of the same keys.

    Raises:
        UnknownNameError: The group has no such choice; the nearest is named.
        ConfigError: The file is missing, no YAML, or not a mapping.
    """
    if isinstance(choice, Mapping):
        return dict(choice)
    if str(choice).endswith((".yaml", ".yml")):
        return load_yaml(Path(choice))
    return load_choice(group, str(choice))


def read_choice(kind: type[T], group: str, choice: str | Path | Mapping[str, Any]) -> T:
    """Return a choice, however it is given, as a dataclass.

    Args:
        kind: The dataclass.
        group: Configuration group.
        choice: As of `described`.

    Raises:
        UnknownNameError: No such choice or key; the nearest is named.
        ConfigError: A value is wrong, or the file cannot be read.
    """
    return typed(kind, described(group, choice), group)


def of_kind(kind: type[T], name: str, group: str, choice: Any) -> T | None:
    """Return a choice as a dataclass if its ``kind`` is the one named; None if it is another.

    Args:
        kind: The dataclass.
        name: What its ``kind`` key says.
        group: Configuration group.
        choice: As of `described`, or a dataclass already; anything else is another kind.

    Raises:
        UnknownNameError: No such choice or key; the nearest is named.
        ConfigError: A value is wrong.
    """
    if isinstance(choice, kind):
        return choice
    if not isinstance(choice, str | Path | Mapping):
        return None
    values = described(group, choice)
    return typed(kind, values, group) if values.get("kind") == name else None


def require_within(
    name: str, value: float, low: float, high: float = math.inf, fix: str | None = None
) -> None:
    """Refuse a number outside its range, or none at all.

    Raises:
        ConfigError: Naming it and its range.
    """
    if not (math.isfinite(value) and low <= value <= high):
        allowed = f"{low:g} .. {high:g}" if math.isfinite(high) else f">= {low:g}"
        raise ConfigError(f"{name} is out of range", got=value, allowed=allowed, fix=fix)


def typed(kind: type[T], values: Mapping[str, Any], where: str) -> T:
    """Turn a plain mapping into a dataclass, strictly: no unknown key, no wrong type.

    Args:
        kind: A dataclass; nested dataclasses, tuples and dicts of them are followed.
        values: Plain data, as YAML gives it.
        where: What the mapping is called in messages.

    Raises:
        UnknownNameError: A key does not exist; the nearest is named.
        ConfigError: A value has the wrong type, or a key is missing.
    """
    _refuse_unknown(kind, values, where)
    try:
        return msgspec.convert(dict(values), kind, strict=True)
    except msgspec.ValidationError as error:
        raise _wrong_value(where, str(error)) from error


def _wrong_value(where: str, message: str) -> ConfigError:
    """Turn msgspec's words, such as "Expected `int`, got `str` - at `$.steps`", into ours."""
    problem, _, inside = message.partition(" - at `$")
    place = f"{where}{inside.rstrip('`')}"
    if found := _WRONG_KIND.fullmatch(problem):
        allowed, got = (" or ".join(_KINDS.get(one, one) for one in side.split(" | "))
                        for side in found.groups())  # fmt: skip
        return ConfigError(f"{place} is of the wrong kind", got=got, allowed=allowed)
    if found := _MISSING_KEY.fullmatch(problem):
        return ConfigError(f"{place} lacks a key", allowed=f"{found[1]}: ...", fix="write it down")
    return ConfigError(f"{place} is wrong", got=problem)


def _refuse_unknown(kind: Any, values: Any, where: str) -> None:
    origin = typing.get_origin(kind)
    if origin in (Union, types.UnionType):
        for option in typing.get_args(kind):
            if dataclasses.is_dataclass(option) and isinstance(values, Mapping):
                _refuse_unknown(option, values, where)
        return
    if origin in (tuple, list) and isinstance(values, (list, tuple)):
        for place, value in enumerate(values):
            _refuse_unknown(typing.get_args(kind)[0], value, f"{where}[{place}]")
        return
    if origin is dict and isinstance(values, Mapping):
        for key, value in values.items():
            _refuse_unknown(typing.get_args(kind)[1], value, f"{where}.{key}")
        return
    if not dataclasses.is_dataclass(kind) or not isinstance(values, Mapping):
        return
    hints = typing.get_type_hints(kind)
    names = [field.name for field in dataclasses.fields(kind)]
    for key, value in values.items():
        if key not in names:
            raise UnknownNameError(f"key in {where}", str(key), names)
        _refuse_unknown(hints[key], value, f"{where}.{key}")
