"""Kdamonds documents in the JSON and YAML of the user tool damo (3.4.3), read and written."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from damosrl.damon import document_reader, document_writer
from damosrl.damon.kdamond import Document
from damosrl.errors import DocumentError
from damosrl.yaml_problem import yaml_problem


def read_document(source: Path | str | Mapping[str, Any]) -> Document:
    """Read a kdamonds document.

    Units and all keys but ``kdamonds``, ``contexts`` and ``ops`` are optional; what is missing
    has damo's defaults (5 ms, 100 ms, 1 s, 10..1000 regions, patterns that match all). Unknown
    keys are refused.

    Args:
        source: A path, the document's text (it holds a line break or starts with ``{``), or the
            mapping itself.

    Raises:
        DocumentError: Unreadable, no JSON or YAML, or a value breaks a rule of the kernel; the
            message says where.
        UnknownNameError: A key or word is unknown; the nearest is named.

    Example:
        >>> text = '{"kdamonds": [{"contexts": [{"ops": "paddr"}]}]}'
        >>> read_document(text).kdamonds[0].contexts[0].attrs.max_nr_regions
        1000
    """
    if isinstance(source, Mapping):
        return document_reader.document(source)
    if isinstance(source, Path) or not ("\n" in source or source.lstrip().startswith("{")):
        return document_reader.document(load_document(Path(source)))
    return document_reader.document(parse_document(source, "the text"))


def load_document(path: Path) -> Mapping[str, Any]:
    """Return the mapping in a file, as it is written there; `read_document` understands it.

    Raises:
        DocumentError: Unreadable, no JSON or YAML, or no mapping.
    """
    return parse_document(_content(path), str(path))


def parse_document(text: str, name: str) -> Mapping[str, Any]:
    """Return the mapping that a JSON or YAML text holds.

    Args:
        text: The text.
        name: Where it comes from, for messages.

    Raises:
        DocumentError: No JSON or YAML, or no mapping.
    """
    data = _parse(text, name)
    if not isinstance(data, Mapping):
        raise DocumentError(
            f"{name} is no mapping", got=type(data).__name__, allowed="key: value pairs"
        )
    return data


def to_mapping(document: Document) -> dict[str, Any]:
    """Return the document as plain data that damo accepts and `read_document` gives back."""
    return document_writer.document(document)


def to_json(document: Document) -> str:
    """Return the document as JSON text."""
    return json.dumps(to_mapping(document), indent=4) + "\n"


def to_yaml(document: Document) -> str:
    """Return the document as YAML text."""
    return yaml.safe_dump(to_mapping(document), sort_keys=False)


def _content(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no UTF-8 text"
        raise DocumentError(f"cannot read {path}", got=reason, fix="check the path") from error


def _parse(text: str, name: str) -> object:
    try:
        if text.lstrip().startswith("{"):
            return json.loads(text)
        return yaml.safe_load(text)
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        raise DocumentError(
            f"{name} is neither JSON nor YAML", got=yaml_problem(error), fix="mend the text"
        ) from error
