"""The catalogue of rules: what each trap is, and whether a sound document may fall into it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a trap matters.

    ``WARNING``: the document probably does not do what was meant. ``NOTE``: so it is with every
    document of the kind, and few know.
    """

    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the catalogue.

    Args:
        meaning: What a document has that falls into the trap.
        severity: How much it matters.
        source: Section of the semantics that tells of it.
    """

    meaning: str
    source: str
    severity: Severity = Severity.WARNING


def _note(meaning: str, source: str) -> Rule:
    return Rule(meaning, source, Severity.NOTE)


RULES: Mapping[str, Rule] = {
    # what is monitored
    "no-kdamonds": Rule("an empty document", "4.1"),
    "no-target": Rule("a context without targets", "1.2"),
    "no-regions": Rule("a paddr or fvaddr target without regions", "1.2"),
    "pid-unused": Rule("a pid under paddr", "1.2"),
    "vaddr-regions-overwritten": Rule("regions given to a vaddr target", "1.4"),
    "obsolete-target": _note("a target to be dropped", "2.14"),
    "addr-unit-ignored": Rule("addr_unit without paddr", "1.2"),
    "addr-unit-scales": _note("addr_unit that is not 1", "1.2"),
    "paused": Rule("a paused context", "2.14"),
    "too-many-ranges": Rule("more separate ranges than max_nr_regions", "1.8"),
    "memory-monitored-twice": Rule("two kdamonds on the same memory", "1.6"),
    # intervals
    "sleep-wraps": Rule("a sleep of 2^32 us or more", "9"),
    "sample-zero": Rule("a sampling interval of 0", "0"),
    "one-sample": Rule("one sample per aggregation", "1.6"),
    "ops-update-starved": Rule("tuning more often than the targets' update", "1.11"),
    "apply-interval-starved": Rule("tuning more often than a scheme's pass", "1.11"),
    "access-goal-unreachable": Rule("a tuning goal of 0 or above 100 %", "1.11"),
    "tuning-pinned": Rule("tuning with equal bounds", "1.11"),
    "tuning-loses-counts": _note("tuning with a sample count that does not divide 10000", "1.11"),
    "tuned-intervals-reverted": _note("interval tuning without refresh_ms", "1.11"),
    # probes
    "probes-ignored": Rule("probes without paddr", "1.12"),
    "probe-weights-replace-access": _note("a probe with a weight", "1.12"),
    "probe-counter-wraps": Rule("probes and more than 255 samples", "1.12"),
    # pattern, passes, watermarks
    "matches-nothing": Rule("a pattern that no region can match", "2.3"),
    "accesses-above-samples": Rule("nr_accesses.min above the samples", "2.3"),
    "count-cut-to-32-bits": Rule("a bound of a count above 32 bits", "0"),
    "age-changes-meaning": Rule("an age bound under interval tuning", "1.11"),
    "snapshots-count-per-target": Rule("max_nr_snapshots with several targets", "2.5"),
    "snapshots-not-counted": Rule("max_nr_snapshots under a quota", "2.5"),
    "watermarks-without-metric": Rule("watermarks of metric none", "2.4"),
    "watermarks-unordered": Rule("watermarks out of order", "2.4"),
    "watermarks-never-wake": Rule("mid not above low", "2.4"),
    "watermark-interval-zero": Rule("a watermark interval of 0", "2.4"),
    "never-active": Rule("a low watermark above 1000 permil", "2.4"),
    # quota
    "quota-unlimited": Rule("an action without any limit", "2.6"),
    "quota-below-region": Rule("a quota below the smallest region", "2.6"),
    "failures-cost-more": Rule("a fail charge above 1", "2.5"),
    "failures-free": Rule("a fail charge of 0", "2.5"),
    "failures-charged": _note("paddr under a quota without fail charge", "2.5"),
    "fail-charge-ignored": Rule("fail_charge_num without a denominator", "2.5"),
    "filtered-regions-sliced": Rule("core filters under a quota", "9"),
    "window-never-ends": Rule("a reset interval that never ends", "9"),
    "window-each-pass": Rule("a reset interval of 0", "2.7"),
    "window-rounded": Rule("a reset interval that is no multiple of the passes", "2.7"),
    "reset-interval-wraps": Rule("a reset interval above 32 bits", "9"),
    "weights-zero": Rule("a quota without weights", "2.10"),
    "weights-wrap": Rule("weights whose sum exceeds 32 bits", "9"),
    "weights-unused": Rule("weights without a quota", "2.10"),
    "size-weight-unused": Rule("a weight of the size", "2.10"),
    # goals
    "highest-score-wins": Rule("several goals", "2.11"),
    "consist-starts-at-one-byte": _note("a goal under consist", "2.7"),
    "consist-unlimited": Rule("a goal under consist without a size quota", "2.7"),
    "temporal-unlimited": Rule("a goal under temporal without a limit", "2.7"),
    "goal-direction": Rule("a goal that the action drives away from", "2.11"),
    "goal-not-moved": Rule("a goal that the action cannot move", "2.11"),
    "goal-unreachable": Rule("a goal above 100 %", "2.11"),
    "goal-node-missing": Rule("a node goal without a node", "2.11"),
    "goals-leave-gap": Rule("promotion and demotion goals that leave room between them", "3.4"),
    "user-input-static": _note("a goal of metric user_input", "2.11"),
    "psi-goal": _note("a goal of metric some_mem_psi_us", "2.11"),
    "psi-above-window": Rule("a stall goal longer than the window", "2.11"),
    # action and destination
    "action-unsupported": Rule("an action that the operation set cannot do", "2.1"),
    "destination-unused": Rule("a destination without a migration", "2.2"),
    "dests-ignored": Rule("dests under paddr", "2.2"),
    "no-destination": Rule("a migration to nowhere", "2.2"),
    "target-nid-ignored": Rule("dests and target_nid", "2.2"),
    "migrates-to-own-node": Rule("a migration to a node that is monitored", "2.1"),
    # filters
    "filter-target-missing": Rule("a filter for a target that does not exist", "2.12"),
    "filter-empty-range": Rule("an address filter without a whole page", "2.12"),
    "filter-outside-regions": Rule("an address filter outside all regions", "2.12"),
    "filter-unreachable": Rule("a filter behind one that decides all it could", "2.12"),
    "default-allow": _note("an allowing filter before a last one that rejects", "2.12"),
    "ops-filters-ignored": Rule("filters of pages on an action that looks at none", "2.12"),
    "default-reject": _note("a last filter that allows", "2.12"),
    "allow-skips-ops-filters": Rule("a core filter that allows beside filters of pages", "2.12"),
    "memcg-is-exact": _note("a filter for a control group", "2.12"),
    "memcg-path-relative": Rule("a control group not from the root", "2.11"),
    "pageout-rejects-young": _note("paddr pageout without a young filter", "2.1"),
    "young-filter-clears": _note("a young filter", "2.12"),
    "young-filter-contradicts": Rule("a young filter against the action", "3.4"),
    "migrates-unchecked-pages": _note("paddr migration without a young filter", "3.4"),
    # together
    "schemes-fight": Rule("opposite actions on the same regions", "2.5"),
    "nodes-fight": Rule("promotion and demotion of the same access rate", "3.4"),
    "age-reset-by-other-scheme": Rule("an age bound beside a scheme that resets the age", "2.5"),
    # kernels and tools
    "kernel-too-old": Rule("a feature that the kernel lacks", "4.4"),
    "first-window-unlimited": Rule("a quota on 6.12", "1.15"),
    "first-stall-is-total": Rule("a stall goal before 7.3", "2.11"),
    "damo-max-accesses": Rule("'max' as a bound of nr_accesses, given to damo 3.4.3", "6.3"),
    "damo-drops-snapshots": _note("max_nr_snapshots, given to damo 3.4.3", "6.3"),
    "damo-drops-node": _note("the node of node_eligible_mem_bp, given to damo 3.4.3", "6.3"),
}
"""Every rule by its stable name."""
