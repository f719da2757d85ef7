"""How a manifest is written as text, and the one hash over a bundle."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

CONTENT_KEY = "content_sha256"


def rendered(manifest: Mapping[str, Any]) -> bytes:
    """Return the only form in which a manifest of version 2 is written and accepted.

    Raises:
        ValueError: A number is NaN or infinite.
        TypeError: Something is no plain data.
    """
    return (json.dumps(manifest, indent=1, allow_nan=False) + "\n").encode()


def content_sha256(manifest: Mapping[str, Any], without: str = CONTENT_KEY) -> str:
    """Return the digest over all of a bundle: its manifest, which names that of its weights.

    Args:
        manifest: The whole manifest; the order of keys does not matter.
        without: The key that holds the digest itself.

    Raises:
        ValueError: A number is NaN or infinite.
        TypeError: Something is no plain data.
    """
    covered = {key: value for key, value in manifest.items() if key != without}
    text = json.dumps(covered, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
