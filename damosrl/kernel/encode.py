"""From a document to the files of the sysfs tree, in the order in which they may be written.

The order is that of semantics 4.3: a count before the folders it makes, and those before what
depends on nothing else. Filters of both layers go to their own folders where the kernel has them
(6.15), and to the one old folder otherwise.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeVar

from damosrl.damon import Context, Document, FilterLayer, Kdamond, Probe, Quota, Scheme, Target
from damosrl.damon.filters import Filter
from damosrl.kernel import layout
from damosrl.kernel.layout import Row, text_of

T = TypeVar("T")
Exists = Callable[[str], bool]
"""Whether a path below the tree's folder is there."""


class Setting(NamedTuple):
    """What one file is to hold.

    Args:
        path: Below the ``admin`` folder, such as ``kdamonds/0/refresh_ms``.
        value: Text without a newline.
        default: What the kernel fills in; a setting of this value may be absent.
        since: First mainline kernel that has the file; None before 6.12.
    """

    path: str
    value: str
    default: str = "0"
    since: str | None = None

    @property
    def is_count(self) -> bool:
        """Whether it makes numbered folders."""
        return self.path.rpartition("/")[2] in layout.COUNTS


def settings_of(document: Document, exists: Exists = lambda _: True) -> Iterator[Setting]:
    """Say what every file is to hold, parents first.

    It is asked lazily, so that ``exists`` sees the folders which earlier settings made.

    Args:
        document: What is to be configured.
        exists: Presence of a path, to choose the folders of filters; by default kernel 7.3.

    Example:
        >>> from damosrl.damon import Document
        >>> list(settings_of(Document(())))
        [Setting(path='kdamonds/nr_kdamonds', value='0', default='0', since=None)]
    """
    yield _count("kdamonds", "kdamonds", document.kdamonds)
    for index, kdamond in enumerate(document.kdamonds):
        yield from _kdamond(f"kdamonds/{index}", kdamond, exists)


def _rows(folder: str, rows: Sequence[Row[T]], source: T) -> Iterator[Setting]:
    for row in rows:
        value = row.value(source)
        if value is not None:
            yield Setting(f"{folder}/{row.file}", text_of(value), text_of(row.default), row.since)


def _count(folder: str, kind: str, items: Sequence[object], since: str | None = None) -> Setting:
    return Setting(f"{folder}/nr_{kind}", str(len(items)), since=since)


def _kdamond(folder: str, kdamond: Kdamond, exists: Exists) -> Iterator[Setting]:
    yield from _rows(folder, layout.KDAMOND, kdamond)
    yield _count(f"{folder}/contexts", "contexts", kdamond.contexts)
    for index, context in enumerate(kdamond.contexts):
        yield from _context(f"{folder}/contexts/{index}", context, exists)


def _context(folder: str, context: Context, exists: Exists) -> Iterator[Setting]:
    yield from _rows(folder, layout.CONTEXT, context)
    probes = f"{folder}/monitoring_attrs/probes"
    yield _count(probes, "probes", context.probes, "7.2")
    for index, probe in enumerate(context.probes):
        yield from _probe(f"{probes}/{index}", probe)
    yield _count(f"{folder}/targets", "targets", context.targets)
    for index, target in enumerate(context.targets):
        yield from _target(f"{folder}/targets/{index}", target)
    yield _count(f"{folder}/schemes", "schemes", context.schemes)
    for index, scheme in enumerate(context.schemes):
        yield from _scheme(f"{folder}/schemes/{index}", scheme, exists)


def _probe(folder: str, probe: Probe) -> Iterator[Setting]:
    yield from _rows(folder, layout.PROBE, probe)
    yield _count(f"{folder}/filters", "filters", probe.filters, "7.2")
    for index, condition in enumerate(probe.filters):
        yield from _rows(f"{folder}/filters/{index}", layout.PROBE_FILTER, condition)


def _target(folder: str, target: Target) -> Iterator[Setting]:
    yield from _rows(folder, layout.TARGET, target)
    yield _count(f"{folder}/regions", "regions", target.regions)
    for index, region in enumerate(target.regions):
        yield from _rows(f"{folder}/regions/{index}", layout.REGION, region)


def _scheme(folder: str, scheme: Scheme, exists: Exists) -> Iterator[Setting]:
    yield from _rows(folder, layout.SCHEME, scheme)
    yield from _goals(f"{folder}/quotas/goals", scheme.quota)
    if exists(f"{folder}/core_filters/nr_filters"):
        for layer in FilterLayer:
            chosen = [item for item in scheme.filters if item.layer is layer]
            yield from _filters(f"{folder}/{layer}_filters", chosen)
        yield from _filters(f"{folder}/filters", ())
    else:
        yield from _filters(f"{folder}/filters", scheme.filters)
    yield _count(f"{folder}/dests", "dests", scheme.dests, "6.17")
    for index, dest in enumerate(scheme.dests):
        yield from _rows(f"{folder}/dests/{index}", layout.DEST, dest)


def _goals(folder: str, quota: Quota) -> Iterator[Setting]:
    yield _count(folder, "goals", quota.goals)
    for index, goal in enumerate(quota.goals):
        yield from _rows(f"{folder}/{index}", layout.GOAL, goal)


def _filters(folder: str, filters: Sequence[Filter]) -> Iterator[Setting]:
    yield _count(folder, "filters", filters)
    for index, condition in enumerate(filters):
        yield from _rows(f"{folder}/{index}", layout.FILTER, condition)
