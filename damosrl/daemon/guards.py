"""Guards on what happens to the machine, whatever the policy meant.

They look at counters that the policy does not see, and lead to the kernel's own loop. The breaker
of `damosrl.safety` judges what was in training too; this is what only a real machine has.
"""

import math
import time
from collections.abc import Callable, Mapping

from damosrl.daemon.settings import GuardSettings
from damosrl.kernel.host.telemetry import HostSample

PAGE_BYTES = 4096


class Guards:
    """Remembers the last reading and how long each guard has been breached.

    Args:
        settings: Limits.
        cpu_time_s: Reads the CPU time of this process.

    Example:
        >>> guards = Guards(GuardSettings(oom_kills=1))
        >>> before = HostSample(None, None, {"oom_kill": 3}, 0.0, None, ())
        >>> after = HostSample(None, None, {"oom_kill": 4}, 0.0, None, ())
        >>> guards.watch(before, 0.0), guards.watch(after, 1.0)
        ((), ('oom_kills: 1, limit 1',))
    """

    def __init__(
        self, settings: GuardSettings, cpu_time_s: Callable[[], float] = time.process_time
    ) -> None:
        self._settings = settings
        self._cpu_time_s = cpu_time_s
        self._last: tuple[float, float, Mapping[str, int]] | None = None
        self._breached: dict[str, int] = {}

    def watch(self, sample: HostSample, now_s: float) -> tuple[str, ...]:
        """Judge the time since the last reading.

        Args:
            sample: What the host says now; what it lacks is not judged.
            now_s: Machine time.

        Returns:
            The guards that are breached, in words.
        """
        values = self._values(sample, now_s)
        self._last = (now_s, self._cpu_time_s(), dict(sample.counters))
        found = []
        for name, value in values.items():
            limit = float(getattr(self._settings, name))
            over = value >= limit if name == "oom_kills" else value > limit
            self._breached[name] = self._breached.get(name, 0) + 1 if over else 0
            if self._breached[name] >= self._patience(name):
                found.append(f"{name}: {value:.6g}, limit {limit:g}")
        return tuple(found)

    def _patience(self, name: str) -> int:
        return 1 if name == "oom_kills" else self._settings.patience_steps

    def _values(self, sample: HostSample, now_s: float) -> dict[str, float]:
        values = {}
        if sample.pressure is not None:
            some, full = sample.pressure
            values["psi_some_percent"] = 100.0 * some.average[0]
            values["psi_full_percent"] = 100.0 * full.average[0]
        if self._last is not None and now_s > self._last[0]:
            values |= self._rates(sample.counters, now_s)
        return {name: value for name, value in values.items() if math.isfinite(value)}

    def _rates(self, counters: Mapping[str, int], now_s: float) -> dict[str, float]:
        if self._last is None:
            return {}
        then_s, cpu_s, earlier = self._last
        elapsed_s = now_s - then_s

        def grown(*names: str) -> float:
            known = [name for name in names if name in counters and name in earlier]
            growth = sum(counters[name] - earlier[name] for name in known)
            return float(max(growth, 0)) if known else math.nan

        failed, moved = grown("pgmigrate_fail"), grown("pgmigrate_success")
        tried_bytes_per_s = (failed + moved) * PAGE_BYTES / elapsed_s
        judged = tried_bytes_per_s >= max(self._settings.migration_min_bytes_per_s, PAGE_BYTES)
        refaults = grown("workingset_refault_anon", "workingset_refault_file")
        return {
            "swap_in_bytes_per_s": grown("pswpin") * PAGE_BYTES / elapsed_s,
            "refault_bytes_per_s": refaults * PAGE_BYTES / elapsed_s,
            "migration_failure_ratio": failed / (failed + moved) if judged else 0.0,
            "own_cpu_percent": 100.0 * (self._cpu_time_s() - cpu_s) / elapsed_s,
            "oom_kills": grown("oom_kill"),
        }
