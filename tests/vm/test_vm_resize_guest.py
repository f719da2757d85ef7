"""A real guest that shrinks and grows, and a tuner's knobs that make it."""

from collections.abc import Iterator
from typing import Any

import gymnasium
import pytest

import damosrl_envs  # noqa: F401  registers
from damosrl.vm.balloon import Balloon
from damosrl.vm.guest import Guest
from damosrl.vm.lab import Lab
from damosrl.vm.listener import MemoryListener
from damosrl.vm.machine import GuestMachine
from damosrl.vm.memory_blocks import ONLINE_MOVABLE, MemoryBlocks
from damosrl.vm.resize_trial import measure
from damosrl.vm.virtio_mem import VirtioMem

pytestmark = pytest.mark.vm

NAME = "test-resize"


@pytest.fixture(scope="module")
def guest() -> Iterator[Guest]:
    """Give a guest with a balloon and room for memory."""
    machine = GuestMachine.preset("resizable")
    with Guest.boot(Lab.default(), machine, name=NAME, arguments=[ONLINE_MOVABLE]) as one:
        yield one


@pytest.fixture(scope="module")
def listener(guest: Guest) -> Iterator[MemoryListener]:
    """Give what it tells."""
    one = MemoryListener.start(guest)
    yield one
    one.stop()


def test_the_balloon_takes_memory_that_the_host_gets_back(
    guest: Guest, listener: MemoryListener
) -> None:
    """Free memory falls by what it takes, and comes back whole."""
    balloon = Balloon(guest.control)
    down = measure(balloon, -256, listener, plugs=False, timeout_s=120.0)
    assert down.failed_ratio == 0.0
    assert 200 <= down.whole_before_mib - down.whole_after_mib <= 300
    assert measure(balloon, 256, listener, plugs=False, timeout_s=120.0).failed_ratio == 0.0


@pytest.mark.parametrize("kind", ["blocks", "virtio_mem"])
def test_plugged_memory_can_be_used_and_goes_again(
    guest: Guest, listener: MemoryListener, kind: str
) -> None:
    """The guest's kernel counts it; an idle guest lets movable memory go."""
    device: Any = VirtioMem(guest.control, 512) if kind == "virtio_mem" else None
    device = device or MemoryBlocks(guest.control)
    assert device.resize(0, timeout_s=120.0).complete
    before = listener.fresh().total_bytes
    assert measure(device, 128, listener, plugs=True, timeout_s=120.0).failed_ratio == 0.0
    assert listener.newest().total_bytes > before + (100 << 20)
    assert measure(device, -128, listener, plugs=True, timeout_s=120.0).failed_ratio == 0.0


def test_a_tuners_knobs_resize_the_guest(guest: Guest) -> None:
    """The ACMA task runs on it: memory is given, none is failed for, nothing is killed.

    A tenth by balloon is 152 MiB in whole blocks; hotplug's 128 MiB may still be on their way.
    """
    env: Any = gymnasium.make(
        "damosrl/Acma-v0",
        machine={"name": "qemu_guest", "kind": "qemu_guest", "guest": NAME},
        workload="acma_server",
        task={"name": "acma", "decision_interval_s": 5.0},
        steps=3,
        disable_env_checker=True,
    ).unwrapped
    _, first = env.reset(seed=1)
    assert first["footprint_bytes"] == 1536 << 20
    action = env.task_spec.action(balloon=10.0, unplug=10.0)
    given = 0.0
    for _ in range(3):
        _, reward, _, truncated, info = env.step(action)
        given += info["given_bytes"] - info["returned_bytes"]
    env.close()
    assert truncated
    assert 150 << 20 <= given <= 290 << 20
    assert info["failed_bytes"] == 0.0
    assert sum(info["reward_terms"].values()) == pytest.approx(reward)
    assert guest.alive


@pytest.mark.parametrize("hotplug", ["blocks", "virtio_mem"])
def test_squeezing_gives_the_limit_and_kills_nothing(guest: Guest, hotplug: str) -> None:
    """Asked for more than there is, the guest keeps what is in use and most of its reserve.

    A killed program ends a step with an error; a block that leaves late may take 128 MiB more.
    """
    env: Any = gymnasium.make(
        "damosrl/Acma-v0",
        machine={"name": "one", "kind": "qemu_guest", "guest": NAME, "hotplug": hotplug},
        workload="acma_burst",
        task={"name": "acma", "decision_interval_s": 5.0},
        safety="off",
        steps=8,
        disable_env_checker=True,
    ).unwrapped
    env.reset(seed=7)
    spec = env.task_spec
    action = spec.action(min_memory=5.0, balloon=80.0, unplug=80.0)
    for _ in range(8):
        observation, _, _, _, info = env.step(action)
        assert spec.value(observation, "least_free") * 1536 > 40.0
        assert info["failed_bytes"] == 0.0
    env.close()
    assert spec.value(observation, "usable") - spec.value(observation, "ballooned") < 0.75
    assert guest.alive
