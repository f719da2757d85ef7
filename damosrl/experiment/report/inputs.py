"""What a run folder holds, read from its plain files; every file may be missing."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import yaml
from numpy.typing import NDArray

from damosrl.config import typed
from damosrl.errors import RunFolderError
from damosrl.experiment.plugins import task_metrics
from damosrl.experiment.report.table import Table, read_table
from damosrl.knobs import FloatArray
from damosrl.metrics import Shown
from damosrl.wording import Wording

RESULT_FILES = (
    "summary.json",
    "episodes.csv",
    "steps.csv",
    "learning_curve.csv",
    "trials.csv",
    "heatmap.npz",
)
"""At least one of these has to exist for a report to make sense."""


@dataclass(frozen=True)
class Heatmap:
    """What the monitor believed and what was true, over time and address.

    Args:
        time_s: Time of each reading ``(T,)``, seconds.
        address_bytes: Borders of the address bins ``(B + 1,)``, bytes.
        monitor: Access share per bin as the monitor reports it ``(T, B)``, 0..1.
        truth: The same from the access model ``(T, B)``, 0..1.
    """

    time_s: FloatArray
    address_bytes: FloatArray
    monitor: NDArray[np.float64]
    truth: NDArray[np.float64]


@dataclass(frozen=True)
class Run:
    """A run folder's content; None or empty where a file is missing.

    Args:
        path: The folder.
        summary: summary.json.
        episodes: episodes.csv, one row per tuner x workload x seed.
        steps: steps.csv, one row per step.
        events: events.jsonl, one mapping per line.
        heatmap: heatmap.npz.
        learning: learning_curve.csv.
        trials: trials.csv.
        config: config.yaml.
        command: command.txt.
        versions: versions.json.
        document: document.json: what the kdamonds are told under default knobs.
    """

    path: Path
    summary: dict[str, Any] = field(default_factory=dict)
    episodes: Table | None = None
    steps: Table | None = None
    events: tuple[dict[str, Any], ...] = ()
    heatmap: Heatmap | None = None
    learning: Table | None = None
    trials: Table | None = None
    config: dict[str, Any] = field(default_factory=dict)
    command: str = ""
    versions: dict[str, Any] = field(default_factory=dict)
    document: str = ""

    @property
    def baseline(self) -> str:
        """Name of the tuner whose score is 0."""
        return str(self.summary.get("baseline") or "noop")

    @property
    def oracle(self) -> str:
        """Name of the tuner whose score is 1; it sees ground truth."""
        return str(self.summary.get("oracle") or "oracle")

    @property
    def wording(self) -> Wording:
        """What the run's task calls its numbers; those of memory tiers where it does not say."""
        given = self.summary.get("wording")
        return Wording.read(given) if isinstance(given, dict) else self._usual_wording()

    def _usual_wording(self) -> Wording:
        """Ask the task of a run that ended before its summary."""
        environment = self.config.get("task", {}).get("env")
        return task_metrics(environment).wording if environment else Wording()

    @property
    def moved(self) -> tuple[str, ...]:
        """Columns of episodes.csv whose sum is the bytes moved."""
        given = self.summary.get("moved")
        usual = ("migrated_up_bytes", "migrated_down_bytes")
        return tuple(map(str, given)) if isinstance(given, list) else usual

    @property
    def shown(self) -> tuple[Shown, ...]:
        """Columns of episodes.csv that score tables show.

        Raises:
            ConfigError: The summary was written by something else.
        """
        given = self.summary.get("shown")
        entries = given if isinstance(given, list) else []
        where = f"{self.path / 'summary.json'}: an entry of shown"
        return tuple(typed(Shown, one if isinstance(one, dict) else {}, where) for one in entries)

    @property
    def seers(self) -> tuple[str, ...]:
        """Names of the tuners that were shown ground truth."""
        return tuple(self.summary.get("ground_truth") or [self.oracle])

    @property
    def is_compare(self) -> bool:
        """Whether the run compared tuners (rather than trained or searched one)."""
        return bool(self.summary.get("scores")) or self.episodes is not None


def load_run(run_dir: Path) -> Run:
    """Read every known file of a run folder.

    Raises:
        RunFolderError: The folder is missing or holds none of `RESULT_FILES`.
    """
    if not run_dir.is_dir():
        raise RunFolderError(
            "no such run folder", got=run_dir, fix="give the folder that a command printed last"
        )
    if not any((run_dir / name).is_file() for name in RESULT_FILES):
        raise RunFolderError(
            "the run folder holds no results",
            got=run_dir,
            allowed=f"one of {', '.join(RESULT_FILES)}",
            fix="give the folder of a compare, train or tune run",
        )
    return Run(
        path=run_dir,
        summary=_read_json(run_dir / "summary.json"),
        episodes=read_table(run_dir / "episodes.csv"),
        steps=read_table(run_dir / "steps.csv"),
        events=_read_lines(run_dir / "events.jsonl"),
        heatmap=_read_heatmap(run_dir / "heatmap.npz"),
        learning=read_table(run_dir / "learning_curve.csv"),
        trials=read_table(run_dir / "trials.csv"),
        config=_read_yaml(run_dir / "config.yaml"),
        command=_read_text(run_dir / "command.txt").strip(),
        versions=_read_json(run_dir / "versions.json"),
        document=_read_text(run_dir / "document.json"),
    )


def _read_text(path: Path) -> str:
    """Return a file's text; bytes that are none show as marks, which no reader takes for data."""
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(_read_text(path) or "{}")
    except json.JSONDecodeError:
        return {}
    return content if isinstance(content, dict) else {}


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(_read_text(path) or "{}")
    except yaml.YAMLError:
        return {}
    return content if isinstance(content, dict) else {}


def _read_lines(path: Path) -> tuple[dict[str, Any], ...]:
    events = []
    for line in _read_text(path).splitlines():
        try:
            event = json.loads(line)
        except json.JSONDecodeError:
            continue  # the line that an interruption cut short
        if isinstance(event, dict):
            events.append(event)
    return tuple(events)


def _read_heatmap(path: Path) -> Heatmap | None:
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as arrays:
            heatmap = Heatmap(
                *(
                    np.asarray(arrays[name], dtype=np.float64)
                    for name in ("time_s", "address_bytes", "monitor", "truth")
                )
            )
    except (OSError, ValueError, KeyError, BadZipFile, EOFError):
        return None
    expected = (len(heatmap.time_s), len(heatmap.address_bytes) - 1)
    if heatmap.monitor.shape != expected or heatmap.truth.shape != expected or 0 in expected:
        return None
    return heatmap
