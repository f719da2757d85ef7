"""Several applications on one machine, each in a control group, with memory of its own."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from damosrl.emulator.workload.joining import join
from damosrl.emulator.workload.model import PageClass, PageLayout, Tenant, Workload
from damosrl.emulator.workload.pages import cut_pieces
from damosrl.emulator.workload.parameters import Number, Sampler, as_range, check, percent, text
from damosrl.emulator.workload.pieces import GRANULE_BYTES, MIN_GRANULES, Family
from damosrl.emulator.workload.setting import NATIVE, ApplicationConfig, Setting
from damosrl.errors import WorkloadError

SHARE_ERROR = 1e-6
"""Shares that sum up to 1 but for this are taken as they are meant."""


@dataclass(frozen=True, slots=True)
class TenantConfig:
    """One tenant's YAML.

    Args:
        memcg: Path of its memory control group, such as ``/web``.
        share: Its share of the footprint; where shares are drawn, they are scaled to sum up to 1.
        workload: Name of a choice of conf/workload whose accesses and application it has.
        access: Its accesses, in place of a choice: as ``access`` of any workload.
        application: Its closed loop; left out, that of the choice.
    """

    memcg: str
    share: Number
    workload: str | None = None
    access: dict[str, Any] = field(default_factory=dict)
    application: ApplicationConfig | None = None

    def __post_init__(self) -> None:
        if not self.memcg.startswith("/") or not self.memcg.strip("/"):
            raise WorkloadError(
                "a tenant has no control group of its own", got=self.memcg, allowed="such as /web"
            )
        check(f"share of tenant {self.memcg}", self.share, 0.0, 1.0)
        if as_range(self.share).range[0] <= 0.0:
            raise WorkloadError(
                f"tenant {self.memcg} has no memory",
                got=f"share {text(self.share)}",
                allowed="a share above 0",
                fix="leave it out",
            )
        if (self.workload is None) == (not self.access):
            raise WorkloadError(
                f"tenant {self.memcg} has no accesses, or two of them",
                allowed="either workload: a name, or access: {kind: ..., ...}",
            )


@dataclass(frozen=True, slots=True)
class Member:
    """A tenant as episodes are drawn from it."""

    memcg: str
    share: Number
    access: Family
    application: ApplicationConfig


@dataclass(frozen=True, slots=True)
class TenantsSource:
    """Tenants side by side, in the order of their addresses.

    Args:
        name: What tables call them.
        family: For train and held-out splits.
        setting: What they have in common.
        members: The tenants.

    Raises:
        WorkloadError: Fewer than two, two of one group, shares that do not sum up to 1, or a
            setting that says what tenants say themselves.
    """

    name: str
    family: str
    setting: Setting
    members: tuple[Member, ...]

    def __post_init__(self) -> None:
        where, setting = f"workload {self.name}", self.setting
        if setting.pages is not None or setting.processes or setting.footprint == NATIVE:
            raise WorkloadError(
                f"{where} has tenants, which know no pages, processes or native size of their own",
                fix="leave these keys out",
            )
        names = [member.memcg.rstrip("/") for member in self.members]
        if len(names) < 2:
            raise WorkloadError(
                f"{where} has too few tenants",
                got=len(names),
                allowed="at least 2",
                fix="one application needs no tenants",
            )
        if len(set(names)) < len(names):
            raise WorkloadError(f"two tenants of {where} have one name", got=", ".join(names))
        total = sum(as_range(member.share).nominal for member in self.members)
        if abs(total - 1.0) > SHARE_ERROR:
            raise WorkloadError(
                f"the shares of the tenants of {where} are not the whole memory",
                got=f"a sum of {total:g}",
                allowed="a sum of 1",
            )

    @property
    def families(self) -> frozenset[str]:
        """The one family."""
        return frozenset({self.family})

    def draw(self, rng: np.random.Generator) -> Workload:
        """Draw one episode's workload."""
        setting = self.setting
        sampler = Sampler(rng, randomize=setting.randomize is True)
        start = setting.start.draw(Sampler(rng, randomize=setting.randomize is not False))
        sizes = self._sizes(setting.draw_granules(sampler, 0), sampler)
        models = [
            member.access.draw(size, sampler)
            for member, size in zip(self.members, sizes, strict=True)
        ]
        loops = [member.application.draw(sampler) for member in self.members]
        borders = np.concatenate([[0], np.cumsum(sizes)]) * GRANULE_BYTES
        return Workload(
            name=self.name,
            family=self.family,
            access=cut_pieces(join(models), borders),
            application=loops[0],
            start=start,
            fast_share=sampler.number(setting.fast_share),
            pages=PageLayout(borders, tuple(PageClass(memcg=item.memcg) for item in self.members)),
            tenants=tuple(
                Tenant(member.memcg, loop) for member, loop in zip(self.members, loops, strict=True)
            ),
        )

    def _sizes(self, granules: int, sampler: Sampler) -> list[int]:
        """Share the footprint out, in whole granules."""
        shares = np.array([sampler.number(member.share) for member in self.members])
        ends = np.rint(np.cumsum(shares) / shares.sum() * granules).astype(np.int64)
        sizes = np.diff(ends, prepend=0)
        if sizes.min() < MIN_GRANULES:
            member = self.members[int(sizes.argmin())]
            raise WorkloadError(
                f"tenant {member.memcg} of workload {self.name} has too little memory",
                got=f"{int(sizes.min()) * 2} MiB",
                allowed=f"at least {MIN_GRANULES * 2} MiB",
                fix="give it a larger share, or the workload a larger footprint",
            )
        return [int(size) for size in sizes]

    def describe(self) -> str:
        """Say who the tenants are."""
        parts = [
            f"{member.memcg} ({text(member.share, percent)} of the memory, "
            f"{text(member.application.threads)} threads with "
            f"{text(member.application.parallelism)} requests in flight each, "
            f"{text(member.application.think_time_ns)} ns between requests): "
            f"{member.access.describe()}"
            for member in self.members
        ]
        return "\n".join([f"{len(parts)} tenants. {self.setting.describe_memory()}", *parts])
