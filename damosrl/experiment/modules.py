"""`damosrl module`: presets of the kernel's modules as documents, and what can be set."""

from collections.abc import Sequence

from damosrl.damon import AddressRange
from damosrl.damon.documents import to_json, to_yaml
from damosrl.damon.modules import MODULES, PhysicalLayout, describe, make_module, split_words
from damosrl.damon.units import parse_size
from damosrl.emulator.releases import is_legacy, refuse_newer
from damosrl.errors import ConfigError, UnknownNameError

FORMATS = {"json": to_json, "yaml": to_yaml}


def module_document(
    name: str,
    words: Sequence[str],
    *,
    ram: Sequence[str] = (),
    nodes: Sequence[str] = (),
    kernel: str = "7.3",
    form: str = "json",
) -> str:
    """Return the document that a module stands for, as damo accepts it.

    Args:
        name: One of `MODULES`.
        words: Parameters as ``name=value``.
        ram: System RAM resources as ``START-END``.
        nodes: Spans of the memory nodes, in the order of their ids.
        kernel: "7.3" or "6.12", which watches the biggest RAM resource only.
        form: ``json`` or ``yaml``.

    Raises:
        DamosrlError: A name, value or range is wrong, or the kernel lacks a feature.
    """
    if name not in MODULES:
        raise UnknownNameError("module", name, MODULES)
    if form not in FORMATS:
        raise UnknownNameError("format", form, FORMATS)
    layout = PhysicalLayout(_ranges(ram), _ranges(nodes), biggest_only=is_legacy(kernel))
    document = make_module(MODULES[name], split_words(words)).document(layout)
    for kdamond in document.kdamonds:
        for context in kdamond.contexts:
            refuse_newer(context, kernel)
    return FORMATS[form](document)


def list_modules(name: str | None) -> str:
    """Return parameters, defaults and meanings of one module or of all.

    Raises:
        UnknownNameError: No such module.
    """
    if name is not None and name not in MODULES:
        raise UnknownNameError("module", name, MODULES)
    names = list(MODULES) if name is None else [name]
    return "\n\n".join(_table(one) for one in names)


def _table(name: str) -> str:
    parameters = describe(MODULES[name])
    words = [f"{one.name}={one.default}" for one in parameters]
    width = max((len(word) for word in words), default=0)
    lines = [
        f"  {word:<{width}}  {one.meaning}" for word, one in zip(words, parameters, strict=True)
    ]
    return "\n".join([name, *(lines or ["  (nothing to set)"])])


def _ranges(texts: Sequence[str]) -> tuple[AddressRange, ...]:
    return tuple(address_range(text) for text in texts)


def address_range(text: str) -> AddressRange:
    """Read ``START-END``: hexadecimal addresses or sizes such as 4G.

    Raises:
        ConfigError: It is no range.
    """
    start, dash, end = text.partition("-")
    if not dash:
        raise ConfigError(
            "no address range", got=repr(text), allowed="START-END", fix="write for example 4G-8G"
        )
    return AddressRange(_address(start), _address(end))


def _address(text: str) -> int:
    try:
        return int(text, 16) if text.lower().startswith("0x") else parse_size(text)
    except ValueError as error:
        raise ConfigError(
            "no address", got=repr(text), allowed="0x hexadecimal digits, or a size such as 4G"
        ) from error
