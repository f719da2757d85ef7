"""The published data of the study, which a guest measured."""

import json
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def published() -> Path:
    """Return the folder of published results."""
    return Path(__file__).parents[3] / "results/published/fidelity"


@pytest.fixture(scope="session")
def guest_data(published: Path) -> Path:
    """Return the folder of what the guest measured."""
    return published / "guest"


@pytest.fixture(scope="session")
def told(published: Path) -> dict[str, Any]:
    """Return the published numbers."""
    numbers: dict[str, Any] = json.loads((published / "fidelity.json").read_text())
    return numbers
