"""Machines are described in plain data, and wrong descriptions say how to mend them."""

from typing import Any

import numpy as np
import pytest

from damosrl.config import choices, load_choice
from damosrl.emulator.presets import MachineConfig, Tier, capacities, machine_config
from damosrl.errors import DamosrlError, MachineError, UnknownNameError

GIB = 1 << 30
TIER: dict[str, Any] = {"name": "dram", "curve_gbps": [1.0, 2.0], "curve_ns": [100.0, 200.0]}


OWN = [name for name in choices("machine") if "kind" not in load_choice("machine", name)]
"""Machines with memory nodes; others say what kind they are."""


@pytest.mark.parametrize("name", OWN)
def test_every_preset_is_a_machine(name: str) -> None:
    """Each file of conf/machine gives a machine that holds a 16 GiB workload at any fast share."""
    config = machine_config(name)
    assert config.name == name
    for tier in config.tiers:
        assert tier.idle_latency_ns > 0
        assert tier.bandwidth_gbps > 0
    for fast_share in (1 / 2, 1 / 5, 1 / 17):
        frames = capacities(config, 16 * GIB, fast_share)
        assert len(frames) == len(config.memory_tiers) + 1
        assert frames.sum() * config.granule_bytes >= 16 * GIB


def test_contract_presets_exist() -> None:
    """The machines that documents and scripts name are there."""
    expected = {"dram_remote", "dram_cxl", "dram_cxl_slow", "dram_pmem", "dram_zram", "dram_nvme"}
    assert expected | {"dram_cxl_zram"} <= set(choices("machine"))


def test_slower_presets_are_slower() -> None:
    """The second tiers come in the order of the hardware they stand for."""
    names = ("dram_remote", "dram_cxl", "dram_pmem", "dram_cxl_slow")
    idle = [machine_config(name).tiers[1].idle_latency_ns for name in names]
    assert idle == sorted(idle)


def test_automatic_capacities() -> None:
    """The fast tier is a share of the footprint; the slow one holds the rest at 60 % fill."""
    config = machine_config({"name": "m", "tiers": [TIER, TIER | {"name": "slow"}]})
    frames = capacities(config, 16 * GIB, 0.25)
    granule = config.granule_bytes
    assert frames[0] * granule == 4 * GIB
    assert frames[1] * granule == pytest.approx((16 - 0.6 * 4) * 1.06 * GIB, abs=granule)
    assert frames[2] == 0


def test_given_capacities() -> None:
    """Sizes and shares of the footprint are taken as they are."""
    tiers = [TIER | {"capacity": "2 GiB"}, TIER | {"name": "slow", "capacity": "90 %"}]
    config = machine_config({"name": "m", "tiers": tiers})
    sizes = capacities(config, 10 * GIB, 0.25) * config.granule_bytes
    assert np.allclose(sizes, [2 * GIB, 9 * GIB, 0], atol=config.granule_bytes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tiers": []}, "out of order"),
        ({"tiers": [TIER | {"kind": "swap"}]}, "out of order"),
        ({"tiers": [TIER | {"kind": "swap"}, TIER]}, "out of order"),
        ({"tiers": [TIER | {"capacity": "0 GiB"}]}, "not positive"),
        ({"tiers": [TIER | {"capacity": "0 %"}]}, "not positive"),
        ({"tiers": [TIER | {"capacity": "-4 GiB"}]}, "-4 GiB"),
        ({"tiers": [TIER | {"capacity": "lots"}]}, "lots"),
        ({"tiers": [TIER | {"curve_gbps": [2.0, 1.0]}]}, "falls"),
        ({"tiers": [TIER | {"curve_ns": [200.0, 100.0]}]}, "falls"),
        ({"tiers": [TIER | {"curve_ns": [100.0]}]}, "no table"),
        ({"tiers": [TIER | {"curve_ns": [0.0, 1.0]}]}, "below zero"),
        ({"granule": "3 KiB"}, "no number of pages"),
        ({"sleep_overshoot": 0.5}, "sleep_overshoot"),
        ({"tick_s": 0.0}, "tick_s"),
        ({"cpus": 0}, "cpus"),
        ({"granul": "2 MiB"}, "did you mean 'granule'"),
        ({"tiers": [TIER | {"capcity": "1 GiB"}]}, "did you mean 'capacity'"),
        ({"tiers": [TIER | {"kind": "disk"}]}, "disk"),
    ],
)
def test_wrong_machines_are_refused(change: dict[str, Any], message: str) -> None:
    """A wrong value is one line that names the thing and the mistake."""
    with pytest.raises(DamosrlError) as caught:
        machine_config({"name": "m", "tiers": [TIER], **change})
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unknown_machine_names_the_nearest() -> None:
    """A misspelt preset leads to the right one."""
    with pytest.raises(UnknownNameError, match="did you mean 'dram_cxl'"):
        machine_config("dram_cxk")


def test_too_small_a_machine_is_refused() -> None:
    """A machine that cannot hold the workload says how much it lacks."""
    config = MachineConfig("small", (Tier("dram", (1.0, 2.0), (1.0, 2.0), capacity="1 GiB"),))
    with pytest.raises(MachineError, match="cannot hold the workload"):
        capacities(config, 2 * GIB, 0.5)


def test_a_kernel_is_no_emulated_machine() -> None:
    """The choice that stands for the running kernel is refused by what emulates."""
    with pytest.raises(MachineError, match="is a kernel"):
        machine_config("kernel")
