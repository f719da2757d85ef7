"""Ask/tell over static configurations on Optuna's storage; subclasses choose the sampler."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Literal

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.samplers import BaseSampler
from optuna.storages import InMemoryStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from damosrl.errors import ConfigError, UnknownNameError
from damosrl.search import Trial
from damosrl.task import TaskSpec

STUDY = "damosrl"
Knobs = Mapping[str, float]
_STATES: Mapping[TrialState, Literal["complete", "fail", "running"]] = {
    TrialState.COMPLETE: "complete",
    TrialState.FAIL: "fail",
    TrialState.RUNNING: "running",
}


class OptunaSearch:
    """Keeps trials in an Optuna study: in memory, or in a journal file that can be continued.

    Knobs are searched in their normalised range [-1, 1], so that log scales and quotas that are
    switched off need no special case. Each trial's sampler is seeded from the seed and the
    trial's number: a continued search equals an uninterrupted one.

    Attributes:
        starts: Configurations that are asked for first, physical value by knob name; knobs left
            out are at their defaults.
    """

    method: str
    starts: Sequence[Knobs] = ()

    def sampler(self, seed: int) -> BaseSampler:
        """Return the sampler of one trial."""
        raise NotImplementedError

    def reset(self, spec: TaskSpec, seed: int, storage: Path | None = None) -> None:
        """Begin, or continue what the storage file holds.

        Raises:
            ConfigError: The file belongs to another search, spec or seed, or is no journal.
            UnknownNameError: A configuration to start at has a knob that the task has not.
        """
        self._spec, self._seed = spec, seed
        self._space: dict[str, BaseDistribution] = {
            name: FloatDistribution(-1.0, 1.0) for name in spec.knobs.names
        }
        starts = [self._normal(start) for start in self.starts]
        self._study = _open_study(storage, self._identity())
        for start in starts[len(self._study.get_trials(deepcopy=False)) :]:
            self._study.enqueue_trial(start)
        waiting = self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        self._untold = [trial.number for trial in waiting]
        self._asked: dict[tuple[float, ...], list[int]] = {}

    def ask(self) -> dict[str, float]:
        """Propose a configuration: physical value by knob name."""
        if self._untold:
            number = self._untold.pop(0)
            knobs = self._knobs(self._study.get_trials(deepcopy=False)[number])
        else:
            number = len(self._known())
            seeds = np.random.SeedSequence([self._seed, number])
            self._study.sampler = self.sampler(int(seeds.generate_state(1)[0]))
            trial = self._study.ask(self._space)
            knobs = self._physical(trial.params)
        self._asked.setdefault(self._key(knobs), []).append(number)
        return knobs

    def tell(
        self, knobs: Knobs, score: float, state: Literal["complete", "fail"] = "complete"
    ) -> None:
        """Report what a proposed configuration is worth, or that it failed.

        Raises:
            ConfigError: The configuration was not asked for, is told already, or its score is
                no number.
        """
        numbers = self._asked.get(self._key(knobs))
        if not numbers:
            raise ConfigError(
                "a configuration was told that is not waiting for its score",
                got=dict(knobs),
                allowed="what ask() returned, once",
                fix="tell each configuration exactly as it was asked",
            )
        if state == "fail":
            self._study.tell(numbers.pop(0), state=TrialState.FAIL)
        elif math.isfinite(score):
            self._study.tell(numbers.pop(0), score)
        else:
            raise ConfigError("a score is no number", got=score, fix="tell state='fail' instead")

    def trials(self) -> list[Trial]:
        """All trials in the order of asking."""
        return [
            Trial(trial.number, self._knobs(trial), trial.value, _STATES[trial.state])
            for trial in self._known()
        ]

    def best(self) -> Trial:
        """Return the complete trial of the highest score, the earliest of equals.

        Raises:
            ConfigError: No trial is complete.
        """
        complete = [trial for trial in self.trials() if trial.score is not None]
        if not complete:
            raise ConfigError("no trial is complete", got=f"{len(self.trials())} trials")
        return max(complete, key=lambda trial: (trial.score, -trial.number))

    def _known(self) -> list[FrozenTrial]:
        """Return what has been asked for; configurations to start at wait behind it."""
        return self._study.get_trials(deepcopy=False, states=tuple(_STATES))

    def _identity(self) -> dict[str, str]:
        knobs = [asdict(item) for item in self._spec.knobs.items]
        return {
            "method": self.method,
            "seed": str(self._seed),
            "task": self._spec.task,
            "knobs": json.dumps(knobs, sort_keys=True),
            "starts": json.dumps([dict(start) for start in self.starts], sort_keys=True),
        }

    def _normal(self, start: Knobs) -> dict[str, float]:
        knobs = self._spec.knobs
        for name in start:
            if name not in knobs.names:
                raise UnknownNameError("knob to start at", name, knobs.names)
        return {
            item.name: float(item.to_normal(np.asarray(start.get(item.name, item.default))))
            for item in knobs.items
        }

    def _physical(self, normal: Knobs) -> dict[str, float]:
        return {
            item.name: float(item.to_physical(np.asarray(normal[item.name])))
            for item in self._spec.knobs.items
        }

    def _knobs(self, trial: FrozenTrial) -> dict[str, float]:
        return self._physical(trial.params)

    def _key(self, knobs: Knobs) -> tuple[float, ...]:
        return tuple(knobs.get(name, math.nan) for name in self._spec.knobs.names)


def _open_study(storage: Path | None, identity: Mapping[str, str]) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        backend = (
            InMemoryStorage()
            if storage is None
            else JournalStorage(JournalFileBackend(str(storage)))
        )
        study = optuna.create_study(
            study_name=STUDY, storage=backend, direction="maximize", load_if_exists=True
        )
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(
            f"cannot use search storage {storage}", got=error, fix="name a new file"
        ) from error
    for key, value in identity.items():
        known = study.user_attrs.get(key)
        if known is None:
            study.set_user_attr(key, value)
        elif known != value:
            raise ConfigError(
                f"{storage} belongs to another search: {key} differs",
                got=value,
                allowed=known,
                fix="name a new file, or search as before",
            )
    return study
