"""Libraries that only some formats need."""

from importlib import import_module
from typing import Any

from damosrl.errors import ExportError


def import_extra(module: str, extra: str) -> Any:
    """Import a library of one of damosrl's extras.

    Args:
        module: Its name, such as ``sklearn.tree``.
        extra: The extra that installs it.

    Raises:
        ExportError: It is not installed.

    Example:
        >>> import_extra("json", "onnx").__name__
        'json'
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise ExportError(
            f"this format needs {module.partition('.')[0]}",
            got="it is not installed",
            fix=f"pip install 'damosrl[{extra}]'",
        ) from error
