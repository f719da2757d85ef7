"""The per-page simulation of benchmarks/, which a checkout has and a wheel has not."""

import importlib.util
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import damosrl

NAME = "per_page_numpy"


@cache
def per_page_machine() -> Callable[..., Any] | None:
    """Return benchmarks/per_page_numpy's PerPageMachine, or None where benchmarks/ is not there."""
    package = Path(damosrl.__file__).resolve().parent.parent / "benchmarks" / NAME
    spec = importlib.util.spec_from_file_location(
        NAME, package / "__init__.py", submodule_search_locations=[str(package)]
    )
    if not (package / "__init__.py").is_file() or spec is None or spec.loader is None:
        return None
    module = importlib.util.module_from_spec(spec)
    sys.modules[NAME] = module  # its own modules import each other by this name
    spec.loader.exec_module(module)
    machine: Callable[..., Any] = module.PerPageMachine
    return machine
