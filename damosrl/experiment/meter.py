"""From the infos of steps to numbers per step and per episode."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from damosrl.knobs import FloatArray
from damosrl.metrics import EpisodeColumn, TaskMetrics, number_of

TIME = "time_s"


class Meter:
    """Reads N machines after every step.

    Args:
        metrics: What is read.

    Example:
        >>> columns = (EpisodeColumn("cost_ratio", "cost"),)
        >>> meter = Meter(TaskMetrics({}, columns, cost="cost_ratio", moved=()))
        >>> for second in (1.0, 2.0):
        ...     info = {"time_s": np.array([second]), "cost": np.array([second])}
        ...     meter.read(info, reward=np.zeros(1))
        >>> meter.episodes()["cost_ratio"].tolist()
        [1.5]
    """

    def __init__(self, metrics: TaskMetrics) -> None:
        self._metrics = metrics
        self._keys = {TIME, *metrics.steps.values(), *(item.of for item in metrics.episodes)}
        self._readings: list[dict[str, FloatArray]] = []
        self._rewards: list[FloatArray] = []

    def read(self, info: Mapping[str, Any], reward: FloatArray) -> None:
        """Take the numbers of the step that just ended; arrays ``(N,)``.

        Raises:
            UnknownNameError: The info lacks a number that the metrics name.
        """
        self._readings.append({key: _copy(number_of(info, key)) for key in self._keys})
        self._rewards.append(_copy(reward))

    def steps(self) -> dict[str, FloatArray]:
        """Return every number ``(steps, N)`` by column name of steps.csv."""
        columns = {name: self._series(key) for name, key in self._metrics.steps.items()}
        return {TIME: self._series(TIME), **columns, "reward": np.stack(self._rewards)}

    def episodes(self) -> dict[str, FloatArray]:
        """Return every number ``(N,)`` by column name of episodes.csv.

        Steps are of equal length, so that means over them are means over time.
        """
        columns = {item.name: self._episode(item) for item in self._metrics.episodes}
        return {**columns, "reward_sum": np.sum(self._rewards, axis=0)}

    def _series(self, key: str) -> FloatArray:
        return np.stack([reading[key] for reading in self._readings])

    def _episode(self, column: EpisodeColumn) -> FloatArray:
        series = self._series(column.of)
        match column.how:
            case "mean":
                result = series.mean(axis=0)
            case "sum":
                result = series.sum(axis=0)
            case "p95":
                result = np.quantile(series, 0.95, axis=0)
            case "last":
                result = series[-1]
        return np.asarray(result, dtype=np.float64)


def row_of(columns: Mapping[str, FloatArray], place: int | tuple[int, int]) -> dict[str, float]:
    """Return one place of every array as plain numbers, for a CSV row."""
    return {name: float(values[place]) for name, values in columns.items()}


def _copy(values: Any) -> FloatArray:
    return np.array(values, dtype=np.float64)
