"""What a host of guests is told: one choice of ``conf/machine`` with ``kind: acma``."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from damosrl.config import described, require_within, typed
from damosrl.errors import ConfigError

KIND = "acma"
GIB = 2.0**30


@dataclass(frozen=True)
class GuestConfig:
    """One guest.

    Args:
        memory_gib: What the guest believes to have.
        collaborative: Whether it runs ACMA and page reporting; otherwise only its balloon helps.
        threads: Threads of its program.
    """

    memory_gib: float = 32.0
    collaborative: bool = True
    threads: int = 8

    def __post_init__(self) -> None:
        require_within("guest memory_gib", self.memory_gib, 0.0625, 2.0**20)
        require_within("guest threads", self.threads, 1, 4096)


@dataclass(frozen=True)
class CostConfig:
    """What operations take; sources and judgements stand in docs/acma.md.

    Args:
        move_page_us: Moving one 4 KiB page.
        clear_block_us: Isolating an empty block and telling the host.
        return_block_us: Giving a block back to the allocator.
        touch_block_us: The host's fault at the first touch of 2 MiB, clearing included.
        swap_in_us: A guest's fault on a page paged out to a compressed device of the host.
        swap_out_us: Paging one page out.
        compression_ratio: Bytes paged out over what they take there.
        host_swap_in_us: A fault on a page that the host had to page out.
        huge_page_gain: Time that a program saves when all of its memory is in 2 MiB pages.
        standby_mw_per_gib: Power of an idle rank.
        self_refresh_ratio: Power of a rank in self-refresh over that.
        self_refresh_exit_ns: Time until such a rank serves again.
    """

    move_page_us: float = 1.5
    clear_block_us: float = 30.0
    return_block_us: float = 20.0
    touch_block_us: float = 150.0
    swap_in_us: float = 20.0
    swap_out_us: float = 5.0
    compression_ratio: float = 2.63
    host_swap_in_us: float = 100.0
    huge_page_gain: float = 0.05
    standby_mw_per_gib: float = 135.0
    self_refresh_ratio: float = 0.3
    self_refresh_exit_ns: float = 360.0

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            require_within(f"costs.{name}", getattr(self, name), 0.0, 1e6)
        require_within("costs.compression_ratio", self.compression_ratio, 1.0, 100.0)


@dataclass(frozen=True)
class HostConfig:
    """A host and its guests.

    Args:
        name: Name of the choice.
        kind: What kind of machine this is.
        guests: The guests, the same number on every machine of a batch.
        host_share: Host memory for guests over the sum of what they believe to have.
        window_mib: Scale window, as in the RFC.
        quota_ms: Time that each of ACMA's three schemes may take per second, as in the RFC.
        rank_gib: Memory of one rank, for power.
        hotplug_mib: Memory block of hotplug.
        vmemmap: Whether page descriptors of whole windows are given back too.
        costs: What operations take.

    Example:
        >>> host_config("acma_host").guests[0].collaborative
        True
    """

    name: str
    guests: tuple[GuestConfig, ...]
    kind: Literal["acma"] = "acma"
    host_share: float = 0.75
    window_mib: int = 128
    quota_ms: float = 5.0
    rank_gib: float = 1.0
    hotplug_mib: int = 128
    vmemmap: bool = True
    costs: CostConfig = field(default_factory=CostConfig)

    def __post_init__(self) -> None:
        if not 1 <= len(self.guests) <= 64:
            raise ConfigError(
                f"host {self.name} has no guests or too many",
                got=len(self.guests),
                allowed="1 .. 64 guests",
            )
        require_within("host_share", self.host_share, 0.05, 16.0)
        require_within("window_mib", self.window_mib, 2, 2**20)
        require_within("hotplug_mib", self.hotplug_mib, 2, 2**20)
        require_within("quota_ms", self.quota_ms, 0.0, 1000.0, "it is time out of every 1000 ms")
        require_within("rank_gib", self.rank_gib, 0.0625, 4096.0)


def host_config(choice: str | Path | Mapping[str, Any] | HostConfig) -> HostConfig:
    """Read a choice of ``conf/machine``, a YAML or a mapping of the same keys.

    Raises:
        UnknownNameError: No such choice or key; the nearest is named.
        ConfigError: A value is wrong, or the machine has no guests.
    """
    if isinstance(choice, HostConfig):
        return choice
    values = described("machine", choice)
    if values.get("kind") != KIND:
        raise ConfigError(
            f"machine {values.get('name', choice)} is no host with guests",
            got=f"kind={values.get('kind')}",
            allowed=f"kind={KIND}",
            fix="choose machine=acma_host",
        )
    return typed(HostConfig, values, "machine")
