"""Checkpoints of a training run: the library's own zip, and the normaliser's numbers beside it.

They serve to continue one's own run and are no artifact: the zip holds pickled parts.
"""

import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import VecNormalize

from damosrl.errors import RunFolderError
from damosrl.knobs import Float32Array, FloatArray

KEEP = 2
EPSILON, CLIP = 1e-8, 10.0
"""Defaults of `VecNormalize`, which are never changed."""


class ObservationStatistics(NamedTuple):
    """Mean and variance ``(d,)`` of the observations of a training run."""

    mean: FloatArray
    variance: FloatArray

    def normalised(self, observations: Float32Array) -> Float32Array:
        """Standardise observations ``(N, d)`` in double precision, as `VecNormalize` does."""
        scaled = (observations - self.mean) / np.sqrt(self.variance + EPSILON)
        limited: Float32Array = np.clip(scaled, -CLIP, CLIP).astype(np.float32)
        return limited


def save_checkpoint(folder: Path, model: BaseAlgorithm) -> Path:
    """Write ``checkpoint_<timesteps>.zip``; it appears whole or not at all; the newest are kept.

    Raises:
        RunFolderError: The folder cannot be written.
    """
    path = folder / f"checkpoint_{model.num_timesteps:012d}.zip"
    partial = path.with_name(f"partial_{path.name}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        normalisation = model.get_vec_normalize_env()
        if normalisation is not None:
            _save_statistics(path.with_suffix(".npz"), normalisation)
        model.save(partial)
        partial.replace(path)
        for old in _checkpoints(folder)[:-KEEP]:
            old.unlink()
            old.with_suffix(".npz").unlink(missing_ok=True)
    except OSError as error:
        raise RunFolderError(f"cannot write {path}", got=error.strerror) from error
    return path


def newest_checkpoint(folder: Path | None) -> Path | None:
    """Return the newest checkpoint of a folder, or None."""
    found = _checkpoints(folder) if folder is not None else []
    return found[-1] if found else None


def load_statistics(checkpoint: Path, environment: VecNormalize) -> None:
    """Give a normalised environment the statistics saved beside a checkpoint."""
    with np.load(checkpoint.with_suffix(".npz"), allow_pickle=False) as arrays:
        for name in _statistics(environment):
            statistics: Any = getattr(environment, name)
            statistics.mean = arrays[f"{name}_mean"]
            statistics.var = arrays[f"{name}_var"]
            statistics.count = float(arrays[f"{name}_count"])


def saved_statistics(checkpoint: Path) -> ObservationStatistics | None:
    """Return the statistics beside a checkpoint; None if observations were not normalised.

    Raises:
        RunFolderError: The file cannot be read.
    """
    path = checkpoint.with_suffix(".npz")
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as arrays:
            if "obs_rms_mean" not in arrays:
                return None
            return ObservationStatistics(arrays["obs_rms_mean"], arrays["obs_rms_var"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise RunFolderError(f"cannot read {path}", got=error) from error


def _save_statistics(path: Path, environment: VecNormalize) -> None:
    arrays = {
        f"{name}_{part}": np.asarray(getattr(getattr(environment, name), part))
        for name in _statistics(environment)
        for part in ("mean", "var", "count")
    }
    np.savez(path, allow_pickle=False, **arrays)


def _statistics(environment: VecNormalize) -> tuple[str, ...]:
    return ("obs_rms", "ret_rms") if environment.norm_obs else ("ret_rms",)


def _checkpoints(folder: Path) -> list[Path]:
    return sorted(folder.glob("checkpoint_*.zip"))
