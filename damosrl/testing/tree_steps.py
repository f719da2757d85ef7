"""What a kernel's DAMON tree answers to reads and writes, as a list of steps.

Sources: semantics 4.1, 4.2, 4.4, and refusals seen on kernels 7.3.4 and 6.12 in a guest. The steps
start from an empty tree, monitor one process with a scheme that does nothing, and end empty.
"""

from collections.abc import Iterator
from typing import NamedTuple

from damosrl.damon.features import is_before
from damosrl.testing.fake_layout import (
    CONTEXT,
    GOAL,
    KDAMOND,
    PROBE,
    REGION,
    SCHEME,
    TARGET,
    Layout,
)

OK = "ok"
ABSENT = "ENOENT"
K0 = "kdamonds/0"
C0 = f"{K0}/contexts/0"
S0 = f"{C0}/schemes/0"
T0 = f"{C0}/targets/0"
STATE = f"{K0}/state"


class Step(NamedTuple):
    """One read or write and its answer."""

    path: str
    """Below the ``admin`` folder."""
    write: str | None
    """Text to write; None reads."""
    answer: str
    """Text that is read, ``ok``, or the name of the error number."""
    since: str = "6.12"
    """First kernel that has the file; an older one answers ENOENT."""


def steps(kernel: str, pid: int) -> Iterator[Step]:
    """Return all steps for a kernel, in order.

    Args:
        kernel: "6.12" to "7.3".
        pid: A process that lives, to be monitored.

    Example:
        >>> next(steps("7.3", 1))
        Step(path='kdamonds/nr_kdamonds', write=None, answer='0', since='6.12')
    """
    for step in (*_grow(), *_defaults(), *_values(), *_refusals(), *_life(kernel, pid)):
        absent = is_before(kernel, step.since)
        yield step._replace(answer=ABSENT) if absent else step


def _grow() -> Iterator[Step]:
    """Make one folder of every kind."""
    yield Step("kdamonds/nr_kdamonds", None, "0")
    for folder, name, since in (
        ("kdamonds", "kdamonds", "6.12"),
        (f"{K0}/contexts", "contexts", "6.12"),
        (f"{C0}/targets", "targets", "6.12"),
        (f"{T0}/regions", "regions", "6.12"),
        (f"{C0}/monitoring_attrs/probes", "probes", "7.2"),
        (f"{C0}/monitoring_attrs/probes/0/filters", "filters", "7.2"),
        (f"{C0}/schemes", "schemes", "6.12"),
        (f"{S0}/quotas/goals", "goals", "6.12"),
        (f"{S0}/filters", "filters", "6.12"),
        (f"{S0}/core_filters", "filters", "6.15"),
        (f"{S0}/ops_filters", "filters", "6.15"),
        (f"{S0}/dests", "dests", "6.17"),
    ):
        yield Step(f"{folder}/nr_{name}", "1", OK, since)


def _defaults() -> Iterator[Step]:
    """Read every file: this checks the fake tree's table, presence included."""
    probe = f"{C0}/monitoring_attrs/probes/0"
    for folder, layout, since in (
        (K0, KDAMOND, "6.12"),
        (C0, CONTEXT, "6.12"),
        (T0, TARGET, "6.12"),
        (f"{T0}/regions/0", REGION, "6.12"),
        (probe, PROBE, "7.2"),
        (f"{probe}/filters/0", PROBE.children["filters"].folder, "7.2"),
        (S0, SCHEME, "6.12"),
        (f"{S0}/quotas/goals/0", GOAL, "6.12"),
        *(_children_of_scheme()),
    ):
        for name, file in layout.files.items():
            first = since if is_before(file.since, since) else file.since
            yield Step(f"{folder}/{name}", None, file.default, first)


def _children_of_scheme() -> Iterator[tuple[str, Layout, str]]:
    for name in ("filters", "core_filters", "ops_filters", "dests"):
        numbered = SCHEME.children[name]
        yield f"{S0}/{name}/0", numbered.folder, numbered.since


def _values() -> Iterator[Step]:
    """Write values that are accepted in another form than they are read."""
    for path, text, read, since in (
        (f"{S0}/apply_interval_us", "0x10", "16", "6.12"),
        (f"{S0}/apply_interval_us", "010", "8", "6.12"),
        (f"{S0}/apply_interval_us", "7\n", "7", "6.12"),
        (f"{S0}/apply_interval_us", "18446744073709551615", "18446744073709551615", "6.12"),
        (f"{S0}/apply_interval_us", "0", "0", "6.12"),
        (f"{S0}/target_nid", "-3", "-3", "6.12"),
        (f"{S0}/action", "pageout\n", "pageout", "6.12"),
        (f"{S0}/filters/0/matching", "yes", "Y", "6.12"),
        (f"{S0}/filters/0/matching", "off", "N", "6.12"),
        (f"{S0}/filters/0/memcg_path", "/a/b", "/a/b", "6.12"),
        (f"{C0}/pause", "1", "Y", "7.2"),
        (f"{C0}/pause", "n", "N", "7.2"),
        (f"{C0}/addr_unit", "4096", "4096", "6.18"),
        (f"{C0}/addr_unit", "1", "1", "6.18"),
    ):
        yield Step(path, text, OK, since)
        yield Step(path, None, read, since)


def _refusals() -> Iterator[Step]:
    """Write values that are refused, and see that a refusal and a rewritten count do."""
    too_large = "18446744073709551616"
    for path, text, error, since in (
        ("kdamonds/nr_kdamonds", "-1", "EINVAL", "6.12"),
        (f"{K0}/contexts/nr_contexts", "2", "EINVAL", "6.12"),
        (f"{C0}/monitoring_attrs/probes/nr_probes", "5", "EINVAL", "7.2"),
        (f"{C0}/schemes/nr_schemes", "one", "EINVAL", "6.12"),
        (f"{C0}/operations", "padr", "EINVAL", "6.12"),
        (f"{C0}/addr_unit", "0", "EINVAL", "6.18"),
        (f"{C0}/pause", "maybe", "EINVAL", "7.2"),
        (f"{C0}/monitoring_attrs/intervals/sample_us", "5 ms", "EINVAL", "6.12"),
        (f"{T0}/pid_target", "self", "EINVAL", "6.12"),
        (f"{S0}/action", "hot", "EINVAL", "6.12"),
        (f"{S0}/apply_interval_us", "-1", "EINVAL", "6.12"),
        (f"{S0}/apply_interval_us", too_large, "ERANGE", "6.12"),
        (f"{S0}/apply_interval_us", "", OK, "6.12"),
        (f"{S0}/quotas/bytes", too_large, "EINVAL", "6.12"),
        (f"{S0}/quotas/goal_tuner", "constant", "EINVAL", "7.1"),
        (f"{S0}/quotas/goals/0/target_metric", "speed", "EINVAL", "6.12"),
        (f"{S0}/watermarks/metric", "free", "EINVAL", "6.12"),
        (f"{S0}/core_filters/0/type", "anon", "EINVAL", "6.15"),
        (f"{S0}/ops_filters/0/type", "addr", "EINVAL", "6.15"),
        (f"{K0}/refresh_ms", "4294967296", "ERANGE", "6.17"),
        (STATE, "start", "EINVAL", "6.12"),
        (STATE, "off", "EINVAL", "6.12"),
        (STATE, "commit", "EINVAL", "6.12"),
        (STATE, "update_schemes_stats", "EINVAL", "6.12"),
    ):
        yield Step(path, text, error, since)
    yield Step(f"{S0}/action", None, "pageout")
    yield Step(f"{C0}/schemes/nr_schemes", "1", OK)
    yield Step(f"{S0}/action", None, "stat")


def _life(kernel: str, pid: int) -> Iterator[Step]:
    """Start, change and stop a kdamond; see what each state refuses."""
    regions, old = f"{C0}/monitoring_attrs/nr_regions/min", is_before(kernel, "6.15")
    yield Step(f"{C0}/monitoring_attrs/probes/nr_probes", "0", OK, "7.2")
    yield Step(f"{T0}/regions/nr_regions", "0", OK)
    yield Step(f"{T0}/pid_target", str(pid), OK)
    yield Step(regions, "2", OK)
    yield Step(STATE, "on", "EINVAL")
    yield Step(STATE, None, "off")
    yield Step(regions, "10", OK)
    yield Step(STATE, "on", OK)
    yield Step(STATE, None, "on")
    yield Step(STATE, "on", "EBUSY")
    yield Step("kdamonds/nr_kdamonds", "1", "EBUSY")
    yield Step(regions, "2", OK)
    if old:  # a commit that the kdamond refuses is answered as served, and ends the kdamond
        yield Step(STATE, "commit", OK)
        yield Step(STATE, None, "off")
        yield Step(regions, "12", OK)
        yield Step(STATE, "on", OK)
    else:
        yield Step(STATE, "commit", "EINVAL")
        yield Step(STATE, None, "on")
        yield Step(regions, "12", OK)
    for command in ("commit", "update_schemes_stats", "update_schemes_effective_quotas"):
        yield Step(STATE, command, OK)
    if not old:
        yield Step(STATE, "update_tuned_intervals", OK)
    yield Step(STATE, "off", OK)
    yield Step(STATE, None, "off")
    yield Step(f"{K0}/pid", None, "-1")
    yield Step(STATE, "off", "EPERM" if is_before(kernel, "7.3") else OK)
    yield Step(STATE, "commit", "EINVAL" if old else "ECANCELED")
    yield Step(STATE, "clear_schemes_tried_regions", "EINVAL" if old else OK)
    yield Step("kdamonds/nr_kdamonds", "0", OK)
    yield Step(f"{K0}/state", None, ABSENT)
