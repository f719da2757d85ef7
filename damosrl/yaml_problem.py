"""Where a YAML text breaks, in words for one line of a message."""

import yaml
from yaml.reader import ReaderError


def yaml_problem(error: Exception) -> str:
    r"""Return the place and the problem; the caller names the file or the option.

    PyYAML's own words call every text ``<unicode string>`` and draw the line below it.

    Args:
        error: As raised by PyYAML; others are told as they are.

    Example:
        >>> try:
        ...     yaml.safe_load("steps: 3\n\tseeds: 2")
        ... except yaml.YAMLError as error:
        ...     yaml_problem(error)
        "line 2, column 1: found character '\\t' that cannot start any token"
    """
    if isinstance(error, ReaderError):
        return f"character {error.position + 1}: {error.reason}"
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        words = error.problem or error.context
        return f"line {mark.line + 1}, column {mark.column + 1}: {words}"
    return str(error)
