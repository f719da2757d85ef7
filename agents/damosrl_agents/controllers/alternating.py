"""Two settings by turns, whatever happens: a scripted attacker, a square wave as a probe."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from damosrl.knobs import Float32Array, Quantity, QuantitySet
from damosrl.task import TaskSpec
from damosrl.tuner import BaseTuner
from damosrl_agents.tiering import require_range

LONGEST_HOLD_DECISIONS = 12
"""What a search may try."""
HOLDS = ("hold_decisions", "second_hold_decisions")
SETTINGS = ("first", "second")


@dataclass(eq=False)
class Alternating(BaseTuner):
    """Keeps one setting for a while, then the other.

    Args:
        hold_decisions: Decisions until the next turn.
        first: Physical value by knob name; the others stay at the task's default.
        second: The same for every other turn.
        second_hold_decisions: Decisions of the second setting's turns; 0 takes `hold_decisions`.

    Example:
        >>> Alternating(2, {"heat_place": 0.0}, {"heat_place": 0.5}, 1).turn_decisions
        (2, 1)
    """

    hold_decisions: int = 4
    first: dict[str, float] = field(default_factory=dict)
    second: dict[str, float] = field(default_factory=dict)
    second_hold_decisions: int = 0

    def __post_init__(self) -> None:
        require_range("hold_decisions", self.hold_decisions, 1)
        require_range("second_hold_decisions", self.second_hold_decisions, 0)

    @property
    def turn_decisions(self) -> tuple[int, int]:
        """Decisions of either setting's turns."""
        return self.hold_decisions, self.second_hold_decisions or self.hold_decisions

    def reset(self, spec: TaskSpec, seed: int) -> None:
        """Begin an episode with the first setting.

        Raises:
            UnknownNameError: The task has no knob of a name given.
        """
        super().reset(spec, seed)
        self._actions = (spec.action(**self.first), spec.action(**self.second))
        self._decisions = 0

    def act(self, observation: Float32Array) -> Float32Array:  # noqa: ARG002  blind on purpose
        """Return the setting whose turn it is, ``(k,)``."""
        first, second = self.turn_decisions
        is_second = self._decisions % (first + second) >= first
        self._decisions += 1
        return self._actions[int(is_second)].copy()

    def choices(self, spec: TaskSpec) -> QuantitySet:
        """Return both settings' knobs and turns; a search starts at those given."""
        turns = (
            Quantity(name, "decisions", 1.0, LONGEST_HOLD_DECISIONS, f"Length of {setting}'s turn.",
                     scale="log", default=float(length))
            for name, setting, length in zip(HOLDS, SETTINGS, self.turn_decisions, strict=True)
        )  # fmt: skip
        knobs = (
            replace(item, name=f"{setting}.{item.name}", default=given.get(item.name, item.default))
            for setting, given in zip(SETTINGS, (self.first, self.second), strict=True)
            for item in spec.knobs.items
        )
        return QuantitySet((*turns, *knobs))

    def chosen(self, values: Mapping[str, float]) -> dict[str, Any]:
        """Return the arguments that mean a choice; turns are whole decisions."""
        settings: dict[str, Any] = {name: round(values[name]) for name in HOLDS}
        for setting in SETTINGS:
            settings[setting] = {
                name.removeprefix(f"{setting}."): value
                for name, value in values.items()
                if name.startswith(f"{setting}.")
            }
        return settings
