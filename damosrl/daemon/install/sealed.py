"""Files that show whether somebody changed them since they were installed.

The last line of a file holds the digest of all lines above, so that no list of installed files has
to be kept beside them. It catches changes by hand; it is no signature.
"""

import hashlib

_SEAL = "# damosrl installed this unchanged: sha256 "


def sealed(text: str) -> str:
    """Return a text with its seal.

    Example:
        >>> is_unchanged(sealed("A=1"))
        True
    """
    return f"{text}{_SEAL}{_digest(text)}\n"


def is_unchanged(text: str) -> bool:
    """Tell whether a file is as some version of damosrl installed it."""
    body, mark, digest = text.rpartition(_SEAL)
    return bool(mark) and digest == f"{_digest(body)}\n"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
