"""The speed targets as ratios of one run, and how cost grows: what `damosrl bench` measures."""

from damosrl.experiment.bench.rows import as_json, run
from damosrl.experiment.bench.scaling import write_scaling

__all__ = ["as_json", "run", "write_scaling"]
