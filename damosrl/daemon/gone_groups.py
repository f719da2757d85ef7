"""Control groups that went away while the daemon drives: what can still be committed.

The kernel looks a group up by its path whenever it builds a scheme, at the start and at each
commit, and refuses the whole document where there is none (``damon_sysfs_memcg_path_to_id()`` of
mm/damon/sysfs-schemes.c, 7.3: ENOMEM). Without what stands here not even the fall-back
configuration could be committed then.
"""

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from damosrl.damon import Context, Document, Filter, FilterType, Scheme
from damosrl.machine import Telemetry

OFF_BYTES = 1
"""A quota of 0 is no limit; less than a page moves nothing."""
NOTHING = (
    Filter(FilterType.ANON, matching=True, allow=False),
    Filter(FilterType.ANON, matching=False, allow=False),
)
"""Filters that no memory passes."""


def gone_groups(telemetry: Telemetry) -> frozenset[str]:
    """Return the control groups that are asked for and tell nothing, of one machine."""
    if telemetry.memcgs is None:
        return frozenset()
    absent = np.isnan(telemetry.memcgs.used_bytes[0]).any(axis=1).tolist()
    return frozenset(
        path for path, is_absent in zip(telemetry.memcgs.paths, absent, strict=True) if is_absent
    )


def without_groups(document: Document, gone: Collection[str]) -> Document:
    """Return a document that names none of some groups; their schemes stay, and touch nothing.

    Structure and statistics keep their places, so that the groups can come back.

    Args:
        document: What would be committed if all groups were there.
        gone: Paths as the document has them.

    Example:
        >>> from damosrl.damon import Kdamond, Ops
        >>> web = Scheme(filters=(Filter(FilterType.MEMCG, memcg_path="/web"),))
        >>> context = Context(ops=Ops.PADDR, schemes=(web, Scheme()))
        >>> found = without_groups(Document((Kdamond((context,)),)), {"/web"})
        >>> [len(scheme.filters) for scheme in found.kdamonds[0].contexts[0].schemes]
        [2, 0]
    """
    if not gone:
        return document
    return Document(
        tuple(
            replace(kdamond, contexts=tuple(_context(item, gone) for item in kdamond.contexts))
            for kdamond in document.kdamonds
        )
    )


def _context(context: Context, gone: Collection[str]) -> Context:
    return replace(context, schemes=tuple(_switched_off(item, gone) for item in context.schemes))


def _switched_off(scheme: Scheme, gone: Collection[str]) -> Scheme:
    if scheme.memcg_paths.isdisjoint(gone):
        return scheme
    quota = replace(scheme.quota, sz_bytes=OFF_BYTES, goals=())
    return replace(scheme, quota=quota, filters=NOTHING)
