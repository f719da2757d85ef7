"""What knobs mean for a real guest: how much its balloon takes, and how much is plugged in.

No kernel has DAMOS_ALLOC, so ACMA's loop runs here, in user space: the goals of the RFC's shrinking
and growing schemes move two quotas in bytes per decision by the kernel's own rule, and the guest is
asked for its size by the balloon, with which it collaborates.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from damosrl.acma.scaling import next_quota
from damosrl.acma.state import GROW, OFF, POSTED, QUOTAS, SHRINK
from damosrl.errors import ConfigError
from damosrl.knobs import FloatArray
from damosrl.vm.resizable import BLOCK_MIB
from damosrl.vm.size_limits import SizeLimits

MIB = 2**20


@dataclass(frozen=True, slots=True)
class Sizes:
    """Where a guest's memory is, or is wanted, MiB.

    Args:
        plugged: Memory of the boot and plugged memory.
        ballooned: Of that, what the balloon holds.
    """

    plugged: int
    ballooned: int

    @property
    def usable(self) -> int:
        """What the guest can use."""
        return self.plugged - self.ballooned


@dataclass(frozen=True, slots=True)
class Extent:
    """How far a guest can be resized.

    Args:
        boot_mib: Memory at boot, which cannot be unplugged.
        hotplug_mib: The most that can be plugged in beside it.
        reserve_mib: See `SizeLimits`.
        step_mib: See `SizeLimits`.
    """

    boot_mib: int
    hotplug_mib: int
    reserve_mib: int
    step_mib: int

    @property
    def memory_mib(self) -> int:
        """What the guest believes to have."""
        return self.boot_mib + self.hotplug_mib

    def limits(self, minimum: float, maximum: float) -> SizeLimits:
        """Return the limits of a decision, which gives two shares of the guest's memory."""
        low, high = (round(share * self.memory_mib) for share in (minimum, maximum))
        return SizeLimits(low, high, self.reserve_mib, self.step_mib)


class Sizer:
    """Decides sizes, with the state of ACMA's loop.

    Args:
        extent: How far the guest can be resized.
    """

    def __init__(self, extent: Extent) -> None:
        self._extent = extent
        self.quota_bytes: FloatArray = np.ones(3)

    def decide(self, knobs: Any, now: Sizes, in_use_mib: int, pressure: float) -> Sizes:
        """Return the sizes to ask for.

        Args:
            knobs: A `damosrl.acma.state.KNOB` record.
            now: Sizes at present.
            in_use_mib: What programs and kernel cannot do without.
            pressure: Share of the last interval in which some task stalled.

        Raises:
            ConfigError: The quotas of ACMA's schemes are given as time, or contradict each other.
        """
        if knobs["rule"] == QUOTAS:
            raise ConfigError(
                "the schemes' time quotas mean nothing on a real guest",
                got="control=quotas",
                fix="choose task=acma: no kernel has DAMOS_ALLOC whose time could be limited",
            )
        extent = self._extent
        unplugged = int(knobs["unplug"] * extent.memory_mib) // BLOCK_MIB * BLOCK_MIB
        plugged = extent.memory_mib - min(unplugged, extent.hotplug_mib)
        balloon_mib = round(float(knobs["balloon"]) * extent.memory_mib)
        wanted = plugged - balloon_mib
        if knobs["rule"] != OFF:
            wanted = min(wanted, self._scaled(knobs, now.usable, pressure))
        limits = extent.limits(float(knobs["minimum"]), float(knobs["maximum"]))
        usable = limits.allowed(wanted, size_mib=now.usable, in_use_mib=in_use_mib)
        return parts(usable, plugged, extent)

    def _scaled(self, knobs: Any, usable_mib: int, pressure: float) -> int:
        """Let pressure move ACMA's quotas, and the size by them."""
        score = pressure / float(knobs["target"])
        inverse = score if knobs["rule"] == POSTED else max(2.0 - score, 0.0)
        largest = float(self._extent.memory_mib * MIB)
        for scheme, against in ((SHRINK, score), (GROW, inverse)):
            quota = float(next_quota(float(self.quota_bytes[scheme]), against))
            self.quota_bytes[scheme] = min(quota, largest)
        change = self.quota_bytes[GROW] - self.quota_bytes[SHRINK]
        return usable_mib + int(change / MIB)


def parts(usable_mib: int, plugged_mib: int, extent: Extent) -> Sizes:
    """Make a size of plugged memory and balloon; memory is plugged in where it would not do.

    Args:
        usable_mib: What the guest is to have.
        plugged_mib: What is to be plugged in, if that is enough.
        extent: How far the guest can be resized.
    """
    lacking = max(usable_mib - plugged_mib, 0)
    plugged = min(plugged_mib + -(-lacking // BLOCK_MIB) * BLOCK_MIB, extent.memory_mib)
    return Sizes(plugged, max(plugged - usable_mib, 0))
