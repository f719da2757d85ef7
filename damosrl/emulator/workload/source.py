"""Workloads by name, path or mapping: the way from configuration to drawn episodes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from damosrl.config import choices, load_choice, load_yaml, typed
from damosrl.emulator.workload.address_space import Process
from damosrl.emulator.workload.cyclic_scan import CyclicScan
from damosrl.emulator.workload.model import Workload
from damosrl.emulator.workload.pages import cut_pieces
from damosrl.emulator.workload.parameters import Sampler
from damosrl.emulator.workload.phases import Phases
from damosrl.emulator.workload.pieces import GRANULE_BYTES, MIN_GRANULES, Family
from damosrl.emulator.workload.process_config import draw_processes
from damosrl.emulator.workload.pulses import Pulses
from damosrl.emulator.workload.recording import (
    RecordedAccess,
    RecordingConfig,
    open_recording,
    recording_label,
)
from damosrl.emulator.workload.setting import NATIVE, Randomize, Setting
from damosrl.emulator.workload.shifting_hot import ShiftingHot
from damosrl.emulator.workload.static_hot import StaticHot
from damosrl.emulator.workload.steered import Steered
from damosrl.emulator.workload.tenants import Member, TenantConfig, TenantsSource
from damosrl.emulator.workload.uniform import Uniform
from damosrl.emulator.workload.zipf import Zipf
from damosrl.errors import UnknownNameError, WorkloadError

GROUP = "workload"
MAX_DEPTH = 8
"""Mixes inside mixes; more is taken for a mix that contains itself."""

FAMILIES: dict[str, tuple[type[Family], str]] = {
    "static_hot": (StaticHot, "static"),
    "zipf": (Zipf, "zipf"),
    "shifting_hot": (ShiftingHot, "shifting"),
    "phases": (Phases, "phases"),
    "cyclic_scan": (CyclicScan, "scan"),
    "uniform": (Uniform, "uniform"),
    "pulses": (Pulses, "adversarial"),
    "steered": (Steered, "adversarial"),
}
"""Synthetic kinds: class and family name; a new family is one file and one line here."""
RECORDING = "recording"

Spec = str | Path | Mapping[str, Any]
"""A name of conf/workload, the path of a recording or of a YAML, or a mapping like a YAML."""


class WorkloadSource(Protocol):
    """Something that episodes' workloads are drawn from.

    Example:
        >>> source = workload_source("zipf")
        >>> source.draw(np.random.default_rng(0)).name
        'zipf'
    """

    @property
    def name(self) -> str:
        """What tables call it."""

    @property
    def family(self) -> str:
        """Family for train and held-out splits; ``mix`` for a mix."""

    @property
    def families(self) -> frozenset[str]:
        """All families that can be drawn; more than one only for a mix."""

    def draw(self, rng: np.random.Generator) -> Workload:
        """Draw one episode's workload; all randomness comes from the generator."""

    def describe(self) -> str:
        """Say in a few sentences, with units, what is drawn."""


@dataclass(frozen=True, slots=True)
class SingleSource:
    """One family (or recording) with its setting."""

    name: str
    family: str
    setting: Setting
    access: Family

    @property
    def families(self) -> frozenset[str]:
        """The one family."""
        return frozenset({self.family})

    def draw(self, rng: np.random.Generator) -> Workload:
        """Draw one episode's workload."""
        setting = self.setting
        sampler = Sampler(rng, randomize=setting.randomize is True)
        start = setting.start.draw(Sampler(rng, randomize=setting.randomize is not False))
        native = self.access.native_granules if isinstance(self.access, RecordedAccess) else 0
        granules = setting.draw_granules(sampler, native)
        workload = Workload(
            name=self.name,
            family=self.family,
            access=self.access.draw(granules, sampler),
            application=setting.application.draw(sampler),
            start=start,
            fast_share=sampler.number(setting.fast_share),
            processes=self._processes(granules),
        )
        if setting.pages is None:
            return workload
        layout = setting.pages.draw(granules, sampler)
        access = cut_pieces(workload.access, layout.border_bytes)
        return replace(workload, access=access, pages=layout)

    def _processes(self, granules: int) -> tuple[Process, ...]:
        if not self.setting.processes and isinstance(self.access, RecordedAccess):
            return self.access.processes(granules)
        return draw_processes(self.setting.processes, granules * GRANULE_BYTES)

    def describe(self) -> str:
        """Say what is drawn."""
        return f"{self.access.describe()} {self.setting.describe()}"


@dataclass(frozen=True, slots=True)
class MixSource:
    """Several sources, one of which is drawn per episode with chances by weight."""

    name: str
    members: tuple[WorkloadSource, ...]
    weights: tuple[float, ...]

    @property
    def family(self) -> str:
        """Always ``mix``; a drawn workload carries its member's family."""
        return "mix"

    @property
    def families(self) -> frozenset[str]:
        """The families of all members."""
        return frozenset().union(*(member.families for member in self.members))

    def draw(self, rng: np.random.Generator) -> Workload:
        """Draw a member, then its workload."""
        ends = np.cumsum(self.weights)
        place = int(np.searchsorted(ends, rng.random() * ends[-1], side="right"))
        return self.members[place].draw(rng)

    def describe(self) -> str:
        """Say what is mixed."""
        total = sum(self.weights)
        parts = [
            f"{member.name} ({weight / total:.0%}): {member.describe()}"
            for member, weight in zip(self.members, self.weights, strict=True)
        ]
        return "\n".join([f"One of {len(parts)} workloads per episode:", *parts])


@dataclass(frozen=True, slots=True)
class MixMember:
    """One entry of a mix.

    Args:
        workload: A name, a path, or a mapping.
        weight: Chance relative to the other members.
    """

    workload: str | dict[str, Any]
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class MixConfig:
    """A mix's YAML.

    Args:
        members: Names, paths, or entries with a weight.
        name: What tables call it; the YAML's file name where left out.
        randomize: Replaces the members' own.
    """

    members: tuple[str | MixMember, ...]
    name: str | None = None
    randomize: Randomize | None = None


@dataclass(frozen=True, slots=True)
class TenantsConfig:
    """The part of a YAML that says who the tenants are."""

    tenants: tuple[TenantConfig, ...]


def workload_names() -> list[str]:
    """Return the names that ship in conf/workload."""
    return choices(GROUP)


def workload_source(spec: Spec) -> WorkloadSource:
    """Return the source that a name, a path or a mapping means.

    Args:
        spec: A name of conf/workload; the path of a YAML (``.yaml``, ``.yml``); the path of a
            DAMON recording in one of damo's formats, scaled to 16 GiB; or a mapping as a YAML
            holds it.

    Raises:
        UnknownNameError: No such workload, key or kind; the nearest is named.
        WorkloadError: A parameter is wrong.
        RecordingError: A recording cannot be used.
        ConfigError: A YAML cannot be read, or a value has the wrong type.

    Example:
        >>> workload_source({"access": {"kind": "uniform"}, "footprint": "1 GiB"}).family
        'uniform'
    """
    return _source(spec, None, 0)


def _source(spec: Spec, randomize: Randomize | None, depth: int) -> WorkloadSource:
    if depth > MAX_DEPTH:
        raise WorkloadError(
            "a mix contains itself", got=str(spec), fix="take it out of its own members"
        )
    values, name = _load(spec)
    if "members" in values:
        return _mix(values, name, randomize, depth)
    if "tenants" in values:
        return _tenants(values, name, randomize)
    return _single(values, name, randomize)


def _load(spec: Spec) -> tuple[dict[str, Any], str]:
    """Return a specification's mapping, and its name where it gives none itself."""
    if isinstance(spec, Mapping):
        return dict(spec), "custom"
    place = str(spec)
    if place in workload_names():
        return load_choice(GROUP, place), place
    if place.endswith((".yaml", ".yml")):
        return load_yaml(Path(place)), Path(place).stem
    if isinstance(spec, Path) or "/" in place or "." in place:
        return {"access": {"kind": RECORDING, "recording": place}}, recording_label(place)
    raise UnknownNameError("workload", place, workload_names())


def _single(values: dict[str, Any], name: str, randomize: Randomize | None) -> SingleSource:
    access = values.pop("access", None)
    kinds = [*FAMILIES, RECORDING]
    if not isinstance(access, Mapping) or not isinstance(access.get("kind"), str):
        raise WorkloadError(
            f"workload {values.get('name') or name} says nothing of its accesses",
            got=repr(access),
            allowed=f"access: {{kind: {' | '.join(kinds)}, ...}}, members: [...] for a mix, or "
            "tenants: [...]",
            fix="add it",
        )
    where = f"workload {values.get('name') or name}"
    setting = typed(Setting, values, where)
    if randomize is not None:
        setting = replace(setting, randomize=randomize)
    parameters = dict(access)
    kind = parameters.pop("kind")
    if kind not in kinds:
        raise UnknownNameError("kind of workload", kind, kinds)
    if kind == RECORDING:
        family, made = RECORDING, _recording(setting, parameters, where)
        return SingleSource(setting.name or name, setting.family or family, setting, made)
    if setting.footprint == NATIVE:
        raise WorkloadError(
            f"{where} has no native size", got=f"kind {kind}", fix="give footprint: 16 GiB"
        )
    cls, family = FAMILIES[kind]
    made_family = typed(cls, parameters, f"{where}.access")
    return SingleSource(setting.name or name, setting.family or family, setting, made_family)


def _tenants(values: dict[str, Any], name: str, randomize: Randomize | None) -> TenantsSource:
    where = f"workload {values.get('name') or name}"
    config = typed(TenantsConfig, {"tenants": values.pop("tenants")}, where)
    setting = typed(Setting, values, where)
    if randomize is not None:
        setting = replace(setting, randomize=randomize)
    members = tuple(_member(tenant, where) for tenant in config.tenants)
    return TenantsSource(setting.name or name, setting.family or "tenants", setting, members)


def _member(tenant: TenantConfig, where: str) -> Member:
    """Return a tenant with the accesses, and unless it has its own the loop, of its workload."""
    spec: Spec = {"access": tenant.access} if tenant.workload is None else tenant.workload
    source = _source(spec, None, 0)
    if not isinstance(source, SingleSource) or source.family == RECORDING:
        raise WorkloadError(
            f"tenant {tenant.memcg} of {where} cannot run {source.name}",
            got=source.family,
            allowed=f"kinds {', '.join(FAMILIES)}",
        )
    application = tenant.application or source.setting.application
    return Member(tenant.memcg, tenant.share, source.access, application)


def _recording(setting: Setting, parameters: dict[str, Any], where: str) -> RecordedAccess:
    config = typed(RecordingConfig, parameters, f"{where}.access")
    access = open_recording(config, setting.smallest_granules)
    if setting.footprint == NATIVE and access.native_granules < MIN_GRANULES:
        raise WorkloadError(
            f"the recording of {where} covers too little memory",
            got=f"{access.native_granules * 2} MiB",
            allowed=f"at least {MIN_GRANULES * 2} MiB",
            fix="give footprint: 16 GiB, which scales it",
        )
    return access


def _mix(values: dict[str, Any], name: str, randomize: Randomize | None, depth: int) -> MixSource:
    config = typed(MixConfig, values, f"workload {values.get('name') or name}")
    label = config.name or name
    entries = [MixMember(item) if isinstance(item, str) else item for item in config.members]
    if not entries or any(not 0.0 < entry.weight < float("inf") for entry in entries):
        raise WorkloadError(
            f"mix {label} cannot be drawn from",
            got=f"weights {[entry.weight for entry in entries]}",
            allowed="at least one member, weights above 0",
        )
    inherited = config.randomize if randomize is None else randomize
    return MixSource(
        name=label,
        members=tuple(_source(entry.workload, inherited, depth + 1) for entry in entries),
        weights=tuple(entry.weight for entry in entries),
    )
