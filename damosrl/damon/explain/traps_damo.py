"""Traps of giving a document to the user tool damo 3.4.3 (semantics 6.3)."""

from collections.abc import Iterator, Mapping
from typing import Any

from damosrl.damon.checks import U32_MAX
from damosrl.damon.explain.parts import ContextAt, SchemeAt, Trap
from damosrl.damon.quota import GoalMetric

MOST = float(2**64 - 1)
"""What damo takes "max" for; it computes with floats."""


def damo_traps(at: SchemeAt) -> Iterator[Trap]:
    """Yield what damo loses of a scheme."""
    if at.scheme.max_nr_snapshots:
        yield Trap(
            f"{at.where}.max_nr_snapshots",
            "damo-drops-snapshots",
            "damo 3.4.3 does not load it from a document: the scheme would not end",
            "write the file yourself after damo has started",
        )
    for index, goal in enumerate(at.scheme.quota.goals):
        if goal.metric is GoalMetric.NODE_ELIGIBLE_MEM_BP and goal.nid != 0:
            yield Trap(
                f"{at.where}.quotas.goals[{index}]",
                "damo-drops-node",
                f"damo 3.4.3 does not write the node of {goal.metric}: it would be node 0, not "
                f"{goal.nid}",
                "write the file yourself after damo has started",
            )


def damo_text_traps(contexts: list[ContextAt], data: object) -> Iterator[Trap]:
    """Yield what damo would understand differently in the document as it is written.

    Args:
        contexts: What damosrl understands.
        data: The mapping it was read from.
    """
    for at, written in zip(contexts, _written_contexts(data), strict=False):
        for scheme, text in zip(at.schemes(), _list(written, "schemes"), strict=False):
            bounds = _mapping(_mapping(text, "access_pattern"), "nr_accesses")
            if bounds.get("max") == "max":
                kept = max_accesses(at.samples)
                yield Trap(
                    f"{scheme.where}.access_pattern.nr_accesses.max",
                    "damo-max-accesses",
                    f"damo 3.4.3 writes max as a rounded float, of which the kernel keeps {kept}; "
                    "damosrl takes it for no bound",
                    f"write {U32_MAX} samples",
                )


def max_accesses(samples: int) -> int:
    """Return what the kernel keeps of damo's largest access rate, given the samples per window.

    Example:
        >>> max_accesses(20), max_accesses(25)
        (858993664, 0)
    """
    return int(MOST * samples / 100) & U32_MAX


def _written_contexts(data: object) -> Iterator[object]:
    for kdamond in _list(data, "kdamonds"):
        yield from _list(kdamond, "contexts")


def _list(data: object, key: str) -> list[Any]:
    found = data.get(key) if isinstance(data, Mapping) else None
    return list(found) if isinstance(found, list | tuple) else []


def _mapping(data: object, key: str) -> Mapping[str, Any]:
    found = data.get(key) if isinstance(data, Mapping) else None
    return found if isinstance(found, Mapping) else {}
