"""Whether the parts of a bundle fit together, and whether a bundle fits a task."""

from collections.abc import Sequence

import numpy as np

from damosrl.artifact.deployment import Deployment, ObservedRange
from damosrl.artifact.layout import MAX_INTERVAL_S, MAX_MAGNITUDE
from damosrl.errors import ArtifactError, DamosrlError
from damosrl.knobs import Quantity, QuantitySet
from damosrl.policy import AnyPolicy, ControllerPolicy
from damosrl.safety import Shield, safety_config
from damosrl.task import TaskSpec

MEANINGFUL = ("unit", "low", "high", "scale", "off_below")
"""Fields of a quantity that change what its number means; words and defaults do not."""


def require_same_spec(trained: TaskSpec, given: TaskSpec) -> None:
    """Refuse a task that a policy was not trained for.

    Raises:
        ArtifactError: Naming all that is missing or different.
    """
    found = spec_differences(trained, given)
    if found:
        raise ArtifactError(
            "the policy was trained for another task",
            got="; ".join(found),
            fix="use the task it was trained for, or train again",
        )


def spec_differences(trained: TaskSpec, offered: TaskSpec) -> list[str]:
    """Return all that an offered task lacks or has otherwise, one line each.

    Example:
        >>> quota = Quantity("quota", "bytes/s", 1.0, 9.0, "A quota.")
        >>> one = TaskSpec("t", QuantitySet((quota,)), QuantitySet((quota,)), 1.0)
        >>> two = TaskSpec("t", QuantitySet(()), QuantitySet((quota,)), 5.0)
        >>> spec_differences(one, two)
        ['decision interval differs: 5.0 s, trained with 1.0 s', 'feature quota is missing']
    """
    found = []
    if trained.task != offered.task:
        found.append(f"task differs: {offered.task}, trained with {trained.task}")
    if trained.decision_interval_s != offered.decision_interval_s:
        found.append(
            f"decision interval differs: {offered.decision_interval_s} s, "
            f"trained with {trained.decision_interval_s} s"
        )
    found += _set_differences("feature", trained.observation, offered.observation)
    found += _set_differences("knob", trained.knobs, offered.knobs)
    return found


def _set_differences(kind: str, trained: QuantitySet, offered: QuantitySet) -> list[str]:
    found = [f"{kind} {name} is missing" for name in _absent(trained.names, offered.names)]
    found += [f"{kind} {name} is unknown to it" for name in _absent(offered.names, trained.names)]
    if not found and trained.names != offered.names:
        found.append(f"{kind}s are in another order")
    there = {item.name: item for item in offered.items}
    for item in trained.items:
        if item.name in there:
            found += _item_differences(kind, item, there[item.name])
    return found


def _item_differences(kind: str, trained: Quantity, offered: Quantity) -> list[str]:
    return [
        f"{field} of {kind} {trained.name} differs: {getattr(offered, field)}, "
        f"trained with {getattr(trained, field)}"
        for field in MEANINGFUL
        if getattr(trained, field) != getattr(offered, field)
    ]


def _absent(names: Sequence[str], others: Sequence[str]) -> list[str]:
    known = set(others)
    return [name for name in names if name not in known]


def require_fit(spec: TaskSpec, policy: AnyPolicy, deployment: Deployment) -> None:
    """Refuse parts that do not fit together, on writing as on reading.

    Raises:
        ArtifactError: Naming the first thing that does not fit.
    """
    _require_spec(spec)
    if not isinstance(policy, ControllerPolicy):
        sizes = (policy.observation_size, policy.action_size)
        wanted = (len(spec.observation), len(spec.knobs))
        if sizes != wanted:
            raise ArtifactError(
                "the policy does not fit its task",
                got=f"{sizes[0]} inputs and {sizes[1]} outputs",
                allowed=f"{wanted[0]} features and {wanted[1]} knobs",
            )
    if deployment.observed is not None:
        _require_range(deployment.observed, len(spec.observation))
    try:
        with np.errstate(all="ignore"):
            Shield(safety_config(deployment.safety), spec, 1, deployment.quota_loop)
    except DamosrlError as error:
        raise ArtifactError("the safety settings do not fit the task", got=error) from error


def _require_spec(spec: TaskSpec) -> None:
    if not 0.0 < spec.decision_interval_s <= MAX_INTERVAL_S:
        raise ArtifactError(
            "the decision interval is out of range",
            got=spec.decision_interval_s,
            allowed=f"0 .. {MAX_INTERVAL_S:g} s",
        )
    for kind, quantities in (("feature", spec.observation), ("knob", spec.knobs)):
        names = quantities.names
        if not names or len(set(names)) != len(names):
            raise ArtifactError(
                f"the task's {kind}s cannot be told apart",
                got=f"{len(names)} with {len(set(names))} names",
                allowed="one or more, each with its own name",
            )


def require_sound(quantity: Quantity) -> None:
    """Refuse a quantity whose arithmetic would overflow or divide by zero.

    Raises:
        ArtifactError: Naming it.
    """
    numbers = (quantity.low, quantity.high, quantity.default)
    floor = quantity.off_below
    smallest = quantity.low if quantity.scale == "log" else quantity.high - quantity.low
    if (
        not all(abs(number) <= MAX_MAGNITUDE for number in numbers)
        or smallest < 1.0 / MAX_MAGNITUDE
        or (floor is not None and not -1.0 <= floor < 1.0)
    ):
        raise ArtifactError(
            f"the range of {quantity.name[:40]} cannot be used",
            got=f"{quantity.low} .. {quantity.high}, off below {floor}",
            allowed=f"magnitudes of {1 / MAX_MAGNITUDE:g} .. {MAX_MAGNITUDE:g}, off below -1 .. 1",
        )


def _require_range(observed: ObservedRange, features: int) -> None:
    sizes = (len(observed.low), len(observed.high))
    pairs = zip(observed.low, observed.high, strict=False)
    if sizes != (features, features) or not all(-1.0 <= low <= high <= 1.0 for low, high in pairs):
        raise ArtifactError(
            "the observed range does not fit",
            got=f"{sizes[0]} lows, {sizes[1]} highs",
            allowed=f"{features} of each, -1 <= low <= high <= 1",
        )
