"""The store of all access rates: one copy per distinct workload, shared by the machines."""

import math
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from damosrl.emulator.workload.model import AccessModel
from damosrl.errors import MachineError

Element = TypeVar("Element", bound=np.generic)

FOREVER_S = 1e9
"""Length of an epoch that never ends: thirty years."""


@dataclass(frozen=True)
class GridModel:
    """An access model whose pieces are whole frames.

    Args:
        piece_frames: Frames of each piece in address order, ``(P,)`` int64.
        rate_hz: ``(E, P)`` float32, accesses per second per page.
        epoch_s: ``(E,)``, start of each epoch.
        period_s: Time after which the epochs repeat.
    """

    piece_frames: NDArray[np.int64]
    rate_hz: NDArray[np.float32]
    epoch_s: NDArray[np.float64]
    period_s: float

    def expected_rate_hz(self, start_s: float, horizon_s: float) -> NDArray[np.float64]:
        """Return each piece's mean rate ``(P,)`` over the future, the near future counting most.

        A time t ahead has weight exp(-t / horizon) / horizon, so of two pieces that will be hot for
        equally long the one whose turn comes first has the higher rate.
        """
        return self._future_weights(start_s, horizon_s) @ self.rate_hz.astype(np.float64)

    def mean_rate_hz(self) -> NDArray[np.float64]:
        """Return each piece's mean rate ``(P,)`` over a period; of the first epoch without one."""
        if not math.isfinite(self.period_s):
            return self.rate_hz[0].astype(np.float64)
        lengths = np.diff(np.append(self.epoch_s, self.period_s))
        mean: NDArray[np.float64] = lengths @ self.rate_hz.astype(np.float64) / self.period_s
        return mean

    def ahead(self, start_s: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the stretches of constant rates that follow one another from a time on.

        Of a model that repeats it is one period, after which the stretches begin anew. The last
        epoch of a model that ends constant goes on for `FOREVER_S`.

        Returns:
            Their lengths in seconds, ``(S,)``, and the rates of the pieces, ``(S, P)``.
        """
        repeats = math.isfinite(self.period_s)
        phase = start_s % self.period_s if repeats else start_s
        first = int(np.searchsorted(self.epoch_s, phase, side="right")) - 1
        end_s = self.period_s if repeats else phase + FOREVER_S
        borders = np.concatenate([[phase], self.epoch_s[first + 1 :], [end_s]])
        epochs = np.arange(first, len(self.epoch_s))
        if repeats:
            again = np.append(self.epoch_s[1 : first + 1], phase)
            borders = np.concatenate([borders, self.period_s + again])
            epochs = np.append(epochs, np.arange(first + 1))
        return np.diff(borders), self.rate_hz[epochs].astype(np.float64)

    def _future_weights(self, start_s: float, horizon_s: float) -> NDArray[np.float64]:
        """Weight of each epoch ``(E,)`` from a time on; the weights sum to 1."""
        ends = np.append(self.epoch_s[1:], self.period_s)
        if not math.isfinite(self.period_s):
            return _decay(self.epoch_s, start_s, horizon_s) - _decay(ends, start_s, horizon_s)
        phase = start_s % self.period_s
        weights = np.zeros(len(ends))
        for round_s in (0.0, self.period_s):
            # what lies ahead in this round, then the next one, which stands for all that follow
            share = _decay(self.epoch_s + round_s, phase, horizon_s)
            share = share - _decay(ends + round_s, phase, horizon_s)
            weights += share if round_s == 0.0 else share / -np.expm1(-self.period_s / horizon_s)
        return weights


def _decay(times: NDArray[np.float64], start_s: float, horizon_s: float) -> NDArray[np.float64]:
    decay: NDArray[np.float64] = np.exp(-np.maximum(times - start_s, 0.0) / horizon_s)
    return decay


def to_grid(access: AccessModel, granule_bytes: int) -> GridModel:
    """Round an access model's borders up to whole frames, keeping each frame's mean rate.

    Pieces that begin and end on the grid stay as they are; a frame that several pieces share
    becomes a piece of its own with their mean rate, weighted by bytes.
    """
    borders = access.border_bytes
    grid = np.unique(
        np.concatenate([borders // granule_bytes, -(-borders // granule_bytes)]) * granule_bytes
    )
    if np.array_equal(grid, borders):
        rates = access.rate_hz
    else:
        total = np.zeros((len(access.epoch_s), len(borders)))
        np.cumsum(access.rate_hz * np.diff(borders), axis=1, out=total[:, 1:])
        at_grid = np.array([np.interp(grid, borders, row) for row in total])
        rates = (np.diff(at_grid, axis=1) / np.diff(grid)).astype(np.float32)
    return GridModel(
        piece_frames=np.diff(grid) // granule_bytes,
        rate_hz=np.ascontiguousarray(rates, np.float32),
        epoch_s=np.ascontiguousarray(access.epoch_s, np.float64),
        period_s=access.period_s,
    )


@dataclass
class _Entry:
    access: AccessModel
    model: GridModel
    rate_at: int
    epoch_at: int
    users: int


class RateStore:
    """Keeps the rates of the access models in use; each distinct model once.

    ``rates`` and ``epochs`` are the flat arrays the kernels read; they are replaced by larger ones
    when a model finds no room.

    Example:
        >>> access = AccessModel(np.array([0, 4096]), np.zeros(1), np.ones((1, 1), np.float32))
        >>> store = RateStore(num_machines=1)
        >>> store.place(0, access, 4096).model.piece_frames
        array([1])
    """

    def __init__(self, num_machines: int) -> None:
        self.rates = np.zeros(1024, np.float32)
        self.epochs = np.zeros(256)
        self._entries: dict[tuple[int, int], _Entry] = {}
        self._keys: list[tuple[int, int] | None] = [None] * num_machines

    def place(self, machine: int, access: AccessModel, granule_bytes: int) -> _Entry:
        """Give a machine an access model in place of the one it had."""
        self._release(machine)
        key = (id(access), granule_bytes)
        entry = self._entries.get(key)
        if entry is None:
            model = to_grid(access, granule_bytes)
            rate_at, epoch_at = self._room(model)
            self.rates[rate_at : rate_at + model.rate_hz.size] = model.rate_hz.ravel()
            self.epochs[epoch_at : epoch_at + len(model.epoch_s)] = model.epoch_s
            entry = self._entries[key] = _Entry(access, model, rate_at, epoch_at, 0)
        entry.users += 1
        self._keys[machine] = key
        return entry

    def model(self, machine: int) -> GridModel:
        """Return the access model of a machine that has one."""
        key = self._keys[machine]
        if key is None:
            raise LookupError(f"machine {machine} has no workload")
        return self._entries[key].model

    def write(self, machine: int, epoch: int, rate_hz: NDArray[np.float64], now_s: float) -> None:
        """Set the rates of one epoch of a machine's model, for all who use that model.

        Args:
            machine: Machine.
            epoch: Place of an epoch that begins later than ``now_s``.
            rate_hz: Rates in cells of equal size, ``(C,)``; a piece takes that of its middle.
            now_s: Time of the machine.

        Raises:
            MachineError: The epoch does not exist, or has begun.
        """
        key = self._keys[machine]
        entry = None if key is None else self._entries[key]
        epochs = 0 if entry is None else len(entry.model.epoch_s)
        if entry is None or not 0 <= epoch < epochs or entry.model.epoch_s[epoch] <= now_s:
            raise MachineError(
                "this epoch cannot be set",
                got=f"epoch {epoch} at {now_s:g} s",
                allowed=f"one of {epochs} that begins later",
            )
        ends = np.cumsum(entry.model.piece_frames)
        middle = (ends - entry.model.piece_frames / 2) / ends[-1]
        row = rate_hz[(middle * len(rate_hz)).astype(np.int64)].astype(np.float32)
        entry.model.rate_hz[epoch] = row
        at = entry.rate_at + epoch * len(row)
        self.rates[at : at + len(row)] = row

    def _release(self, machine: int) -> None:
        key = self._keys[machine]
        if key is None:
            return
        entry = self._entries[key]
        entry.users -= 1
        if entry.users == 0:
            del self._entries[key]
        self._keys[machine] = None

    def _room(self, model: GridModel) -> tuple[int, int]:
        """Find room between the entries in use, first fit, growing the arrays as needed."""
        entries = list(self._entries.values())
        rates = [(entry.rate_at, entry.model.rate_hz.size) for entry in entries]
        epochs = [(entry.epoch_at, len(entry.model.epoch_s)) for entry in entries]
        rate_at = first_gap(rates, model.rate_hz.size)
        epoch_at = first_gap(epochs, len(model.epoch_s))
        self.rates = grown(self.rates, rate_at + model.rate_hz.size)
        self.epochs = grown(self.epochs, epoch_at + len(model.epoch_s))
        return rate_at, epoch_at


def first_gap(used: list[tuple[int, int]], size: int) -> int:
    """Return the lowest place where a block fits between blocks (place, size) in use."""
    place = 0
    for start, length in sorted(used):
        if start - place >= size:
            return place
        place = start + length
    return place


def grown(array: NDArray[Element], size: int) -> NDArray[Element]:
    """Return the array, or a copy with room to spare when it is smaller than a size."""
    if len(array) >= size:
        return array
    larger = np.zeros(max(size, 2 * len(array)), array.dtype)
    larger[: len(array)] = array
    return larger
