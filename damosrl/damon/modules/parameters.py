"""Parameters as text: read as the kernel reads ``/sys/module`` files, and described."""

import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TypeVar

from damosrl.damon.modules.module import Module
from damosrl.errors import ConfigError, UnknownNameError

M = TypeVar("M", bound=Module)

_NUMBER = re.compile(r"\+?(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)\n?", re.ASCII)
_ARGUMENT = re.compile(r"    (\w+): (.*)")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a module.

    Args:
        name: The kernel's name.
        default: The kernel's default, as its file prints it.
        meaning: One sentence with the unit.
    """

    name: str
    default: str
    meaning: str


def parse_number(text: str) -> int:
    """Read an unsigned number as ``kstrtoul()`` with base 0 does.

    Decimal, ``0x`` hexadecimal or ``0`` octal (!); no units, no sign but ``+``.

    Raises:
        ConfigError: Anything else.

    Example:
        >>> parse_number("120000000"), parse_number("0x10"), parse_number("010")
        (120000000, 16, 8)
    """
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise ConfigError(
            "no number that the kernel reads",
            got=repr(text),
            allowed="decimal, 0x hexadecimal or 0 octal digits, without units",
            fix="write for example 120000000 for 120 s in microseconds",
        )
    digits = match[1]
    octal = digits.startswith("0") and digits[1:].isdigit()
    return int(digits, 8 if octal else 0)


def parse_flag(text: str) -> bool:
    """Read a truth value as ``kstrtobool()`` does: by the first letter, of ``o`` the second.

    Raises:
        ConfigError: No such letter.

    Example:
        >>> parse_flag("Y"), parse_flag("off")
        (True, False)
    """
    letters = text.lower()
    if letters[:1] in ("y", "t", "1") or letters[:2] == "on":
        return True
    if letters[:1] in ("n", "f", "0") or letters[:2] == "of":
        return False
    raise ConfigError("neither true nor false", got=repr(text), allowed="Y, N", fix="write Y or N")


def split_words(words: Sequence[str]) -> dict[str, str]:
    """Split ``name=value`` words; of a repeated name the last value counts, as in sysfs.

    Raises:
        ConfigError: A word has no ``=``.
    """
    pairs = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise ConfigError("a parameter has no value", got=repr(word), fix=f"write {name}=VALUE")
        pairs[name] = value
    return pairs


def make_module(kind: type[M], values: Mapping[str, str | int | bool]) -> M:
    """Make a module from parameters; texts are read as the kernel does.

    Args:
        kind: One of `damosrl.damon.modules.MODULES`.
        values: By the kernel's names; what is missing has the kernel's default.

    Raises:
        UnknownNameError: No such parameter; the nearest is named.
        ConfigError: A parameter is no input, or its text cannot be read.
        DocumentError: A value does not fit the kernel's type.

    Example:
        >>> from damosrl.damon.modules.reclaim import DamonReclaim
        >>> make_module(DamonReclaim, {"skip_anon": "Y", "quota_ms": 5}).skip_anon
        True
    """
    defaults = {item.name: item.default for item in fields(kind)}  # type: ignore[arg-type]
    given: dict[str, int] = {}
    for name, value in values.items():
        if name in kind.CONTROLS or name in kind.RESULTS:
            raise ConfigError(
                f"{name} of {kind.NAME} says nothing about what is run",
                got=name,
                allowed=", ".join(defaults) or "no parameters",
                fix=f"leave {name} out",
            )
        if name not in defaults:
            raise UnknownNameError(f"parameter of {kind.NAME}", name, defaults)
        given[name] = _read(name, value, flag=isinstance(defaults[name], bool))
    return kind(**given)


def describe(kind: type[Module]) -> list[Parameter]:
    """Return all parameters that can be set, with defaults and meaning from the docstrings."""
    meanings: dict[str, str] = {}
    for ancestor in reversed(kind.__mro__):
        if issubclass(ancestor, Module):
            meanings |= _arguments(ancestor)
    return [
        Parameter(item.name, _printed(item.default), meanings[item.name])
        for item in fields(kind)  # type: ignore[arg-type]  # subclasses are dataclasses
    ]


def _read(name: str, value: str | int | bool, flag: bool) -> int:
    if not isinstance(value, str):
        return value
    try:
        return parse_flag(value) if flag else parse_number(value)
    except ConfigError as error:
        raise ConfigError(
            f"{name}: {error.what}", got=error.got, allowed=error.allowed, fix=error.fix
        ) from error


def _printed(default: object) -> str:
    if isinstance(default, bool):
        return "Y" if default else "N"
    return str(default)


def _arguments(kind: type) -> dict[str, str]:
    """Return the ``Args`` section of a class's own docstring, one line each."""
    _, _, section = inspect.cleandoc(kind.__doc__ or "").partition("\nArgs:\n")
    found: dict[str, str] = {}
    name = ""
    for line in section.splitlines():
        match = _ARGUMENT.fullmatch(line)
        if match:
            name = match[1]
            found[name] = match[2]
        elif line.startswith("        ") and name:
            found[name] += f" {line.strip()}"
        else:
            break
    return found
