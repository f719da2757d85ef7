"""Strict reading of plain mappings: every key is asked for, and none is left over."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from typing import Any, TypeVar

from damosrl.damon.refusals import refusal
from damosrl.damon.units import Value
from damosrl.errors import DamosrlError, DocumentError, UnknownNameError

T = TypeVar("T")
Member = TypeVar("Member", bound=StrEnum)

_YES = ("y", "yes", "true", "on", "1")
_NO = ("n", "no", "false", "off", "0")


@contextmanager
def located(where: str) -> Iterator[None]:
    """Turn errors about a value into errors that also say where in the document it stands."""
    try:
        yield
    except UnknownNameError:
        raise
    except DamosrlError as error:
        raise DocumentError(
            f"{where}: {error.what}",
            got=error.got,
            allowed=error.allowed,
            fix=error.fix,
            rule=error.rule,
        ) from error


class Fields:
    """One mapping of a document, read key by key.

    Args:
        data: The mapping.
        where: Its place in the document, for messages, such as ``kdamonds[0]``.

    Raises:
        DocumentError: ``data`` is no mapping.
    """

    def __init__(self, data: object, where: str) -> None:
        if not isinstance(data, Mapping):
            raise DocumentError(
                f"{where or 'the document'} is no mapping",
                got=type(data).__name__,
                allowed="key: value pairs",
            )
        self._data = data
        self._asked: list[str] = []
        self.where = where

    def get(self, key: str) -> Any:
        """Return a value, None where the key is missing or holds null."""
        self._asked.append(key)
        return self._data.get(key)

    def value(self, key: str, parse: Callable[[Value], T], default: T) -> T:
        """Return a value through its parser, or the default where it is missing or null."""
        raw = self.get(key)
        if raw is None:
            return default
        with located(self._place(key)):
            return parse(raw)

    def required(self, key: str, parse: Callable[[Value], T]) -> T:
        """Return a value that must be there.

        Raises:
            DocumentError: It is missing.
        """
        raw = self.get(key)
        if raw is None:
            raise DocumentError(f"{self._name} has no {key}", fix=f"add {key}")
        with located(self._place(key)):
            return parse(raw)

    def word(self, key: str, kind: type[Member], default: Member | None = None) -> Member:
        """Return a member of an enumeration.

        Raises:
            UnknownNameError: No such word; the nearest is named.
            DocumentError: It is missing and there is no default.
        """
        raw = self.get(key)
        if raw is None:
            if default is None:
                raise DocumentError(
                    f"{self._name} has no {key}", allowed=", ".join(kind), fix=f"add {key}"
                )
            return default
        text = str(raw).strip()
        if text not in list(kind):
            raise UnknownNameError(self._place(key), text, list(kind))
        return kind(text)

    def flag(self, key: str, default: bool) -> bool:
        """Return a truth value, written as true/false, Y/N, yes/no, on/off or 1/0."""
        raw = self.get(key)
        if raw is None:
            return default
        text = str(raw).lower()
        if text not in _YES + _NO:
            raise DocumentError(
                f"{self._place(key)} is neither true nor false",
                got=repr(raw),
                allowed="true, false",
            )
        return text in _YES

    def text(self, key: str) -> str | None:
        """Return a text; None where it is missing or empty."""
        raw = self.get(key)
        return str(raw) if raw not in (None, "") else None

    def section(self, key: str) -> "Fields":
        """Return a nested mapping, empty where it is missing or null."""
        raw = self.get(key)
        return Fields({} if raw is None else raw, self._place(key))

    def items(self, key: str) -> list["Fields"]:
        """Return a list of mappings, empty where it is missing or null."""
        raw = self.get(key)
        if raw is None:
            return []
        if not isinstance(raw, list | tuple):
            raise DocumentError(
                f"{self._place(key)} is no list", got=type(raw).__name__, allowed="a list"
            )
        return [Fields(item, f"{self._place(key)}[{place}]") for place, item in enumerate(raw)]

    def refuse_unless(self, key: str, *neutral: object) -> None:
        """Accept a key of newer kernels only where its value asks for nothing.

        Raises:
            DocumentError: It asks for something that kernel 7.3 cannot do.
        """
        raw = self.get(key)
        if raw is not None and raw not in neutral:
            raise refusal(
                "not-in-kernel",
                f"{self._place(key)} is not in kernel 7.3",
                got=raw,
                fix=f"remove {key}",
            )

    def build(self, kind: Callable[..., T], **values: object) -> T:
        """Make a value of what was read; its errors say where, and no key may be left over.

        Raises:
            UnknownNameError: A key was never asked for; the nearest known one is named.
            DocumentError: The values break a rule of the kernel.
        """
        self.finish()
        with located(self.where):
            return kind(**values)

    def ignore(self, *keys: str) -> None:
        """Let keys pass that report state and configure nothing."""
        self._asked.extend(keys)

    def finish(self) -> None:
        """Refuse keys that were never asked for.

        Raises:
            UnknownNameError: Naming the key and the nearest known one.
        """
        for key in self._data:
            if key not in self._asked:
                raise UnknownNameError(f"key in {self._name}", str(key), self._asked)

    @property
    def _name(self) -> str:
        return self.where or "the document"

    def _place(self, key: str) -> str:
        return f"{self.where}.{key}" if self.where else key
