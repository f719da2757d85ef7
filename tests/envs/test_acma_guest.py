"""A real guest as a host of the ACMA task: what can be held to its rules without booting one."""

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import damosrl_envs  # noqa: F401  registers
from damosrl.acma.machine import new_knobs
from damosrl.acma.state import INTENDED, OFF, POSTED, QUOTAS
from damosrl.errors import ConfigError, UnknownNameError
from damosrl.vm.balloon import Balloon
from damosrl.vm.guest_memory import GuestMemory
from damosrl.vm.memory_blocks import MemoryBlocks
from damosrl_envs.acma.guest.config import guest_host_config
from damosrl_envs.acma.guest.devices import Devices
from damosrl_envs.acma.guest.gauges import Counters, Look, reading
from damosrl_envs.acma.guest.sizing import Extent, Sizer, Sizes
from tests.vm.fake_qmp import FakeQemu, serve

ID = "damosrl/Acma-v0"
EXTENT = Extent(boot_mib=1024, hotplug_mib=512, reserve_mib=128, step_mib=256)
SHARE = st.floats(0.0, 0.8)


def knobs(rule: int = OFF, **values: float) -> Any:
    """Build one record."""
    record = new_knobs(1)
    record["rule"] = rule
    for name, value in values.items():
        record[name] = value
    return record[0]


@given(SHARE, SHARE, st.floats(0.05, 0.5), st.integers(0, 2048), st.integers(256, 1536))
def test_no_knobs_take_what_is_in_use(
    balloon: float, unplug: float, minimum: float, in_use: int, usable: int
) -> None:
    """Balloon and hotplug together leave programs their memory, and obey the minimum."""
    sizer = Sizer(EXTENT)
    record = knobs(balloon=balloon, unplug=unplug, minimum=minimum, maximum=1.0)
    asked = sizer.decide(record, Sizes(1536, 1536 - usable), in_use, 0.0)
    assert asked.usable >= min(max(in_use + 128, usable - 256), 1536)
    assert asked.usable >= round(minimum * 1536)
    assert 1024 <= asked.plugged <= 1536
    assert asked.plugged % 128 == 0
    assert 0 <= asked.ballooned < asked.plugged


def test_the_balloon_takes_its_share_and_hotplug_whole_blocks() -> None:
    """A quarter by balloon, a tenth by hotplug: 128 MiB of the 153 are a block."""
    record = knobs(balloon=0.25, unplug=0.1, maximum=1.0)
    asked = Sizer(EXTENT).decide(record, Sizes(1536, 300), 400, 0.0)
    assert asked == Sizes(1408, 384)


def test_acmas_loop_shrinks_without_pressure_and_grows_under_it() -> None:
    """One byte doubles every decision until it counts; pressure turns it round."""
    sizer, now = Sizer(EXTENT), Sizes(1536, 0)
    record = knobs(INTENDED, target=0.01, minimum=0.1, maximum=1.0)
    asked = [sizer.decide(record, now, 300, 0.0).usable for _ in range(30)]
    assert asked[0] == 1536
    assert asked[-1] == 1280
    grown = [sizer.decide(record, Sizes(1536, 512), 300, 0.5).usable for _ in range(30)]
    assert grown[-1] == 1536


def test_the_rule_as_posted_grows_without_pressure_too() -> None:
    """Both quotas follow the same goal, so that nothing moves."""
    sizer = Sizer(EXTENT)
    record = knobs(POSTED, target=0.01, minimum=0.1, maximum=1.0)
    asked = [sizer.decide(record, Sizes(1536, 256), 300, 0.0).usable for _ in range(30)]
    assert set(asked) == {1280}


def test_time_quotas_are_refused() -> None:
    """There is no scheme whose time they could limit."""
    with pytest.raises(ConfigError, match="choose task=acma"):
        Sizer(EXTENT).decide(knobs(QUOTAS, maximum=1.0), Sizes(1536, 0), 300, 0.0)


def test_devices_keep_the_balloon_while_blocks_come_and_go(tmp_path: Path) -> None:
    """QEMU counts blocks to the balloon's size; what it holds is what was asked for."""
    with serve(tmp_path / "qmp.sock", FakeQemu()) as sock:
        devices = Devices(Balloon(sock), MemoryBlocks(sock), boot_mib=1024)
        for wanted in (Sizes(1536, 0), Sizes(1408, 384), Sizes(1024, 100), Sizes(1536, 100)):
            devices.ask(wanted)
            assert devices.sizes() == wanted


class LateQemu(FakeQemu):
    """A guest that lets a block go just after somebody looked."""

    asked = False

    def _device_del(self, id: str) -> dict[str, Any]:  # noqa: A002
        self.asked = True
        return super()._device_del(id)

    def _query_memory_devices(self) -> list[dict[str, Any]]:
        told = super()._query_memory_devices()
        if self.asked and self.held_blocks:
            self.let_go()
        return told


def test_a_block_that_leaves_late_stops_no_decision(tmp_path: Path) -> None:
    """Unplugging that was asked for earlier may succeed while the next sizes are asked for."""
    qemu = LateQemu()
    with serve(tmp_path / "qmp.sock", qemu) as sock:
        devices = Devices(Balloon(sock), MemoryBlocks(sock), boot_mib=1024)
        devices.ask(Sizes(1536, 0))
        qemu.held_blocks = set(qemu.blocks[-1:])
        devices.ask(Sizes(1408, 0))
        assert devices.sizes() == Sizes(1408, 0)
        devices.ask(Sizes(1536, 0))
        assert devices.sizes() == Sizes(1536, 0)


def look(uptime_s: float, sizes: Sizes, **values: int) -> Look:
    """Build a look at a guest of which half is free."""
    told = {
        "total_bytes": 1400 << 20,
        "free_bytes": 700 << 20,
        "available_bytes": 600 << 20,
        "buddies": (0,) * 8 + (350, 0, 87),
        "blocks": 768,
        "unmovable_blocks": 24,
        "some_us": 0,
        "full_us": 0,
        "oom_kills": 0,
        "migrated_pages": 0,
        "swapped_out_pages": 0,
        "refaulted_pages": 0,
    }
    return Look(GuestMemory(uptime_s, **(told | values)), sizes, 900 << 20, uptime_s)  # type: ignore[arg-type]


def test_counters_say_what_was_given_tried_and_missed() -> None:
    """256 MiB by balloon, and an unplug that got nowhere."""
    counters = Counters(EXTENT, threads=2)
    counters.take(look(10.0, Sizes(1536, 0)), 0)
    counters.asked(Sizes(1408, 256))
    counters.take(look(12.0, Sizes(1536, 256), some_us=500_000, migrated_pages=1280), 3)
    record = counters.guests()[0, 0]
    assert (record["given_blocks"], record["returned_blocks"]) == (128, 0)
    assert (record["tried_blocks"], record["failed_blocks"]) == (64, 64)
    assert record["unplug_failures"] == 1
    assert (record["pressure"], record["pressure_us"]) == (0.25, 500_000)
    assert (record["moved_total"], record["failed_leaves"]) == (10, 6)
    assert np.isnan(record["slowdown"])


def test_gauges_add_up() -> None:
    """Used, free and ballooned are what is plugged in; unplugged memory is whole."""
    now = look(10.0, Sizes(1408, 256))
    counters = Counters(EXTENT, threads=2)
    counters.take(now, 0)
    told = reading(now, counters, EXTENT, host_share=0.5)
    gauges = {name: float(value[0, 0]) / 2**20 for name, value in told.gauges._asdict().items()}
    assert gauges["used_bytes"] + gauges["balloon_bytes"] + 700 == gauges["usable_bytes"] == 1408
    assert gauges["whole_bytes"] == 87 * 4 + 128
    assert gauges["held_bytes"] == 900
    assert told.overrun_bytes[0] / 2**20 == 900 - 768
    assert now.in_use_mib == 1408 - 256 - 600


def test_the_choice_of_conf_is_a_guest_and_hosts_are_not() -> None:
    """Other machines are left to others."""
    found = guest_host_config("qemu_guest")
    assert found is not None
    assert found.hotplug == "virtio_mem"
    assert guest_host_config("acma_host") is None
    assert guest_host_config({"kind": "acma"}) is None


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"reserve_mib": 128}, "reserve_mib"),
        ({"host_share": 2.0}, "host_share"),
        ({"hotplug": "dimm"}, "hotplug"),
        ({"step_mib": 0}, "step_mib"),
    ],
)
def test_wrong_values_are_refused_by_name(wrong: dict[str, Any], told: str) -> None:
    """Nothing is booted for them."""
    with pytest.raises(ConfigError, match=told):
        guest_host_config({"name": "x", "kind": "qemu_guest", **wrong})


def test_a_wrong_key_gets_the_nearest() -> None:
    """A slip of the finger is told."""
    with pytest.raises(UnknownNameError, match="reserve_mib"):
        guest_host_config({"name": "x", "kind": "qemu_guest", "reserve_mb": 64})


def test_many_guests_are_refused() -> None:
    """A real guest is one machine."""
    with pytest.raises(ConfigError, match="num_envs=2"):
        gymnasium.make_vec(ID, num_envs=2, machine="qemu_guest")


def test_a_reward_that_needs_the_slowdown_is_refused() -> None:
    """The usual one of real guests needs none."""
    with pytest.raises(ConfigError, match="choose reward=acma_guest"):
        gymnasium.make(ID, machine="qemu_guest", reward="acma")
    env: Any = gymnasium.make(ID, machine="qemu_guest", disable_env_checker=True).unwrapped
    assert "slowdown" not in env.describe().split("reward")[-1]
    env.close()
