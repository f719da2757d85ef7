"""Rules of the kernel that a document may break, each with a stable name and what refuses it.

Sources are kernel 7.3: ``damon_set_attrs()``, ``damon_set_regions()`` and ``damon_commit_ctx()``
of mm/damon/core.c, and mm/damon/sysfs.c and sysfs-schemes.c (semantics 0, 1.3, 4.1, 4.2).
"""

from damosrl.errors import DocumentError

REFUSALS = {
    "integer-range": "the file's integer type, EINVAL or ERANGE",
    "unknown-word": "the file's list of words, EINVAL",
    "min-nr-regions": "damon_set_attrs(), EINVAL",
    "nr-regions-order": "damon_set_attrs(), EINVAL",
    "sample-above-aggregation": "damon_set_attrs(), EINVAL",
    "intervals-goal-bounds": "damon_set_attrs(), EINVAL",
    "min-region-size": "start and commit, EINVAL",
    "one-context": "nr_contexts, EINVAL",
    "one-paddr-target": "start and commit, EINVAL",
    "target-without-pid": "start and commit, EINVAL",
    "regions-overlap": "damon_set_regions(), EINVAL",
    "region-empty": "damon_set_regions(), EINVAL",
    "range-reversed": "kernel ENOMEM in hugepage_size; elsewhere it would match nothing",
    "addresses-reversed": "a region EINVAL, an addr filter ENOMEM",
    "too-many-probes": "nr_probes, EINVAL",
    "probe-overflow": "start and commit, EINVAL",
    "probe-path": "start and commit, unknown control group",
    "goal-target-zero": "the core EINVAL; sysfs drops the goal without a word",
    "goal-needs-memcg": "start and commit, ENOMEM",
    "goal-needs-paddr": "start and commit, EINVAL",
    "filter-argument": "start and commit, ENOMEM, or an argument that nothing reads",
    "filter-layer": "the filter's type file, EINVAL",
    "not-in-kernel": "no such file in kernel 7.3",
}
"""Who refuses what, by rule."""


def refusal(
    rule: str, what: str, *, got: object = None, allowed: object = None, fix: str | None = None
) -> DocumentError:
    """Return the error for a broken rule of the kernel.

    Args:
        rule: A name of `REFUSALS`.
        what: What is wrong, naming the thing.
        got: The value received.
        allowed: What would have been accepted.
        fix: What to do about it.

    Example:
        >>> str(refusal("min-nr-regions", "too few regions", got=2))
        'too few regions: got 2; rule: min-nr-regions (damon_set_attrs(), EINVAL)'
    """
    told = f"{rule} ({REFUSALS[rule]})"
    return DocumentError(what, got=got, allowed=allowed, fix=fix, rule=told)
