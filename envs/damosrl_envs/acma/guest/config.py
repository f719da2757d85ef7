"""Which real guest is scaled: one choice of ``conf/machine`` with ``kind: qemu_guest``."""

from dataclasses import dataclass
from typing import Any, Literal

from damosrl.config import of_kind, require_within

KIND = "qemu_guest"
Hotplug = Literal["virtio_mem", "blocks"]
LEAST_RESERVE_MIB = 192
"""A block of 128 MiB that was asked to leave may do so when the load has grown already. With
128 MiB guests stalled, and one hung; with 192 MiB none did (docs/acma_guest.md)."""


@dataclass(frozen=True)
class GuestHostConfig:
    """A real guest, and the host that it is thought to share.

    Args:
        name: Name of the choice.
        kind: What kind of machine this is.
        emulated: It is not, so that commands which repeat runs refuse it.
        guest: Name of the guest in the VM lab; it is booted if it does not run.
        lab: The lab's folder; None is the usual one.
        kernel: A kernel that the lab has built.
        hotplug: ``virtio_mem``, 2 MiB at a time; ``blocks``, 128 MiB at a time.
        host_share: Host memory for the guest over what it believes to have.
        reserve_mib: What stays available to its programs beside what is in use.
        step_mib: The most by which one decision shrinks it.
        settle_s: Time limit for getting all memory back before an episode.

    Example:
        >>> GuestHostConfig("mine", hotplug="blocks").reserve_mib
        192
    """

    name: str
    kind: Literal["qemu_guest"] = "qemu_guest"
    emulated: Literal[False] = False
    guest: str = "acma"
    lab: str | None = None
    kernel: str = "newest"
    hotplug: Hotplug = "virtio_mem"
    host_share: float = 0.75
    reserve_mib: int = 192
    step_mib: int = 256
    settle_s: float = 120.0

    def __post_init__(self) -> None:
        require_within("host_share", self.host_share, 0.05, 1.0)
        require_within(
            "reserve_mib",
            self.reserve_mib,
            LEAST_RESERVE_MIB,
            2**20,
            "a load grows between two decisions, and a memory block may leave late",
        )
        require_within("step_mib", self.step_mib, 2, 2**20)
        require_within("settle_s", self.settle_s, 1.0, 3600.0)


def guest_host_config(choice: Any) -> GuestHostConfig | None:
    """Return the configuration of a real guest; None where another kind of machine is meant.

    Args:
        choice: A `GuestHostConfig`, a name of conf/machine, the path of a YAML, or a mapping.

    Raises:
        ConfigError: A key or value of a guest's configuration is wrong.
    """
    return of_kind(GuestHostConfig, KIND, "machine", choice)
