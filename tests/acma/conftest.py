"""Hosts for tests."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from damosrl.acma.config import host_config
from damosrl.acma.machine import AcmaHosts
from damosrl.acma.workload import host_workload

MakeHosts = Callable[..., AcmaHosts]


@pytest.fixture
def make_hosts() -> MakeHosts:
    """Build one host under one program, booted and ready to run."""

    def make(
        config: Mapping[str, Any] | None = None,
        program: Mapping[str, Any] | None = None,
        seconds: int = 60,
        seed: int = 1,
    ) -> AcmaHosts:
        values = {
            "name": "small",
            "kind": "acma",
            "guests": [{"memory_gib": 2.0}],
            **(config or {}),
        }
        hosts = AcmaHosts([host_config(values)])
        workload = {"name": "one", "kind": "acma", "family": "test", "programs": [program or {}]}
        loads = host_workload(workload).draw(np.random.default_rng(seed), hosts.num_guests, seconds)
        hosts.load(0, loads, seed)
        return hosts

    return make
