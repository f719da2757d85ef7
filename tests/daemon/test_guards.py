"""Guards see what the policy does not, and are patient except with killed processes."""

import pytest

from damosrl.daemon.guards import PAGE_BYTES, Guards
from damosrl.daemon.settings import GuardSettings
from damosrl.errors import ConfigError
from damosrl.kernel.host.pressure import MemoryPressure, Stalls
from damosrl.kernel.host.telemetry import HostSample

MIB_PAGES = 2**20 // PAGE_BYTES


def host(psi_some: float = 0.0, psi_full: float = 0.0, **counters: int) -> HostSample:
    """Return what a host tells: averages as ratios, counters of vmstat."""
    lines = [Stalls(0, (value, 0.0, 0.0)) for value in (psi_some, psi_full)]
    return HostSample(MemoryPressure(*lines), None, counters, 0.0, None, ())


def guards(cpu_time_s: float = 0.0, **settings: float) -> Guards:
    """Return guards with some limits changed, whose process uses no CPU time."""
    return Guards(GuardSettings(**settings), lambda: cpu_time_s)  # type: ignore[arg-type]


def test_a_quiet_host_breaches_nothing() -> None:
    """A quiet host breaches nothing."""
    watch = guards()
    assert [watch.watch(host(oom_kill=2, pswpin=9), float(at)) for at in range(5)] == [()] * 5


def test_pressure_has_to_last_as_long_as_the_patience() -> None:
    """Pressure has to last as long as the patience."""
    watch = guards(psi_some_percent=50.0, patience_steps=3)
    found = [watch.watch(host(psi_some=0.6), float(at)) for at in range(3)]
    assert found == [(), (), ("psi_some_percent: 60, limit 50",)]


def test_one_good_reading_makes_patience_begin_anew() -> None:
    """One good reading makes patience begin anew."""
    watch = guards(psi_full_percent=10.0, patience_steps=2)
    series = [0.2, 0.0, 0.2, 0.2]
    found = [watch.watch(host(psi_full=psi), float(at)) for at, psi in enumerate(series)]
    assert [bool(item) for item in found] == [False, False, False, True]


def test_a_killed_process_is_enough_at_once() -> None:
    """A killed process is enough at once."""
    watch = guards(patience_steps=10)
    watch.watch(host(oom_kill=1), 0.0)
    assert watch.watch(host(oom_kill=2), 1.0) == ("oom_kills: 1, limit 1",)


@pytest.mark.parametrize(
    ("name", "counters"),
    [
        ("swap_in_bytes_per_s", {"pswpin": 300 * MIB_PAGES}),
        (
            "refault_bytes_per_s",
            {
                "workingset_refault_anon": 200 * MIB_PAGES,
                "workingset_refault_file": 100 * MIB_PAGES,
            },
        ),
        (
            "migration_failure_ratio",
            {"pgmigrate_fail": 30 * MIB_PAGES, "pgmigrate_success": 10 * MIB_PAGES},
        ),
    ],
)
def test_rates_are_judged_over_the_time_between_readings(
    name: str, counters: dict[str, int]
) -> None:
    """Rates are judged over the time between readings."""
    fast, slow = guards(patience_steps=1), guards(patience_steps=1)
    zero = dict.fromkeys(counters, 0)
    for watch, seconds in ((fast, 1.0), (slow, 10.0)):
        watch.watch(host(**zero), 0.0)
        found = watch.watch(host(**counters), seconds)
        assert [item.partition(":")[0] for item in found] == ([name] if watch is fast else [])


def test_few_migrations_are_not_judged_by_their_failures() -> None:
    """Few migrations are not judged by their failures."""
    watch = guards(patience_steps=1)
    watch.watch(host(pgmigrate_fail=0, pgmigrate_success=0), 0.0)
    assert watch.watch(host(pgmigrate_fail=100, pgmigrate_success=0), 1.0) == ()


def test_the_daemons_own_cpu_time_is_a_guard() -> None:
    """The daemons own cpu time is a guard."""
    times = iter((0.0, 0.5))
    watch = Guards(GuardSettings(patience_steps=1), lambda: next(times))
    watch.watch(host(), 0.0)
    times = iter((0.5, 0.5))
    assert watch.watch(host(), 1.0) == ("own_cpu_percent: 50, limit 10",)


def test_counters_that_a_kernel_lacks_or_that_begin_anew_breach_nothing() -> None:
    """Counters that a kernel lacks or that begin anew breach nothing."""
    watch = guards(patience_steps=1)
    watch.watch(host(pswpin=10**9), 0.0)
    assert watch.watch(host(pswpin=5), 1.0) == ()
    assert watch.watch(host(), 2.0) == ()


def test_a_limit_that_is_no_number_is_refused_by_its_name() -> None:
    """A limit that is no number is refused by its name."""
    with pytest.raises(ConfigError, match=r"guards\.psi_some_percent"):
        GuardSettings(psi_some_percent=float("nan"))
