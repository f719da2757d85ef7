"""What is published of a study: numbers with their targets, and the series behind the figures."""

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from damosrl.experiment.fidelity.compare.migration import MigrationResult
from damosrl.experiment.fidelity.compare.quota import QuotaResult
from damosrl.experiment.fidelity.data import read_mapping
from damosrl.experiment.fidelity.study import Study, overshoot_of
from damosrl.experiment.recordings.numbers import borders_s, wss_bytes


def numbers(study: Study, folder: Path) -> dict[str, Any]:
    """Return the numbers of ``fidelity.json``; sizes in bytes, times in s, the rest shares.

    Args:
        study: The comparisons.
        folder: The guest's data.
    """
    pictures, tuning = study.hot_set.result, study.intervals.result
    switching = study.watermarks.result
    return {
        "guest": read_mapping(folder / "guest.json"),
        "seeds": len(study.hot_set.emulated),
        "hot_set": {
            **asdict(pictures),
            "meets": pictures.meets,
            "overshoot": overshoot_of(study.hot_set.guest),
        },
        "user_input": _quota(study.user_input),
        "node_free": _quota(study.node_free),
        "promotion": _migration(study.promotion),
        "demotion": _migration(study.demotion),
        "intervals": {
            "steps": len(tuning.guest),
            "equal": sum(
                one == two for one, two in zip(tuning.guest, tuning.emulator, strict=False)
            ),
            "meets": tuning.meets,
        },
        "watermarks": {**asdict(switching), "meets": switching.meets},
    }


def _quota(result: QuotaResult) -> dict[str, Any]:
    return {
        "quotas": len(result.guest),
        "equal": result.equal,
        "windows": len(result.values),
        "meets": result.meets,
    }


def _migration(result: MigrationResult) -> dict[str, Any]:
    names = ("moved_bytes", "tried_bytes", "eaten_share")
    pairs = {name: getattr(result, name) for name in names}
    told = {name: {"guest": one, "emulator": two} for name, (one, two) in pairs.items()}
    at_charge = dict(zip(("least", "median", "most"), result.moved_at_charge_bytes, strict=True))
    return {
        **told,
        "emulator_moved_bytes_at_guest_charge": at_charge,
        "quota_bytes": result.quota_bytes,
    }


def write_numbers(study: Study, data: Path, out: Path) -> None:
    """Write ``fidelity.json`` and one CSV per series.

    Args:
        study: The comparisons.
        data: The guest's data.
        out: Where to.
    """
    text = json.dumps(_plain(numbers(study, data)), indent=2)
    (out / "fidelity.json").write_text(text + "\n", encoding="ascii")
    for name in ("user_input", "node_free"):
        result = getattr(study, name)
        _write(
            out / f"{name}.csv", ("guest_bytes", "emulator_bytes"), result.guest, result.emulator
        )
        _write(out / f"{name}.windows.csv", ("value",), result.values)
    tuning = study.intervals.result
    _write(
        out / "intervals.csv",
        ("guest_sample_us", "emulator_sample_us"),
        tuning.guest,
        tuning.emulator,
    )
    for name in ("promotion", "demotion"):
        _write_migration(out / f"{name}.csv", getattr(study, name))
    guest = study.hot_set.guest
    _write(
        out / "wss.csv",
        ("end_s", "guest_bytes"),
        np.round(borders_s(guest)[1:], 3).tolist(),
        wss_bytes(guest).tolist(),
    )


def _write_migration(path: Path, result: MigrationResult) -> None:
    columns = [np.round(result.guest.time_s, 3).tolist()]
    names = ["time_s"]
    for name in ("moved_bytes", "tried_bytes", "applied_bytes"):
        names += [f"guest_{name}", f"emulator_median_{name}"]
        runs = np.array([getattr(each, name) for each in result.emulated])
        columns += [getattr(result.guest, name).tolist(), np.median(runs, axis=0).tolist()]
    _write(path, names, *columns)


def _write(path: Path, names: Sequence[str], *columns: Iterable[float]) -> None:
    with path.open("w", encoding="ascii", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(zip_longest(*columns, fillvalue=""))


def _plain(value: Any) -> Any:
    """Round numbers to what they mean, and say null for what is not defined."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float):
        return float(f"{value:.5g}") if np.isfinite(value) else None
    return value
