"""A daemon's health as text for people."""

from collections.abc import Sequence

from damosrl.daemon.decision import Decision
from damosrl.daemon.health import Health
from damosrl.daemon.status import Identity
from damosrl.daemon.tally import Counters


def described(health: Health) -> str:
    """Return the whole text: state, why, last decision, what was vetoed, counts."""
    parts = [_row("daemon", _state(health))]
    if health.advice:
        parts.append(_row("advice", health.advice))
    if health.status is not None:
        parts += _identity(health.status.identity)
        if health.status.last is not None:
            parts += _rows_of(health.status.last)
        parts += _counters(health.status.counters)
    return "\n".join(parts) + "\n"


def _state(health: Health) -> str:
    words = [str(health.state)]
    if health.status is not None and health.status.last is not None:
        words.append(f"mode {health.status.last.mode}")
    if health.age_s is not None:
        words.append(f"last sign of life {health.age_s:.1f} s ago")
    return ", ".join(words)


def _identity(identity: Identity) -> list[str]:
    return [
        _row("process", f"{identity.pid}, since {identity.started}"),
        _row("bundle", f"{identity.bundle} (sha256 {identity.bundle_sha256})"),
        _row("journal", identity.journal),
    ]


def decision_text(decision: Decision) -> str:
    """Return one decision as text: what was asked, what is in force, why, and what was seen."""
    mode = _row("mode", str(decision.mode))
    return "\n".join([mode, *_rows_of(decision)]).rstrip() + "\n"


def _rows_of(last: Decision) -> list[str]:
    answer = "not committed"
    if last.refused is not None:
        answer = f"refused by the kernel: {last.refused}"
    elif last.committed:
        answer = "committed"
    took = f"{last.decision_us / 1000:.2f} ms, the policy {last.policy_us / 1000:.2f} ms of them"
    rows = [
        _row("step", f"{last.step} at {last.wall_time}, {answer}"),
        _row("took", took),
        _row("why", last.reason or "nothing is out of the ordinary"),
        _row("guards", ", ".join(last.guards) or "none is breached"),
    ]
    if last.outside_ratio is not None:
        rows.append(_row("outside", f"{last.outside_ratio:.0%} of the features, of the range seen"))
    return [*rows, "", *_knobs(last), "", *_features(last), ""]


def _knobs(last: Decision) -> list[str]:
    vetoes = {
        name: [veto.kind for veto in last.vetoes if veto.knob == name] for name in _names(last)
    }
    rows = [("knob", "asked", "in force", "changed by")]
    rows += [
        (name, _number(last.requested.get(name)), _number(last.applied.get(name)), ", ".join(kinds))
        for name, kinds in vetoes.items()
    ]
    return _table(rows)


def _names(last: Decision) -> list[str]:
    """Return every knob of a decision once, in its order."""
    return list(dict.fromkeys([*last.requested, *last.applied, *(v.knob for v in last.vetoes)]))


def _features(last: Decision) -> list[str]:
    rows = [("feature", "value")]
    rows += [(name, _number(value)) for name, value in last.features.items()]
    return _table(rows)


def _counters(counters: Counters) -> list[str]:
    plain = {
        "steps": counters.steps,
        "overruns": counters.overruns,
        "refused": counters.refused,
        "kill-switch": counters.stops,
        "dropped log lines": counters.dropped_log_lines,
    }
    rows = [_row("counts", ", ".join(f"{name} {value}" for name, value in plain.items()))]
    for name, counts in (("fall-backs", counters.fallbacks), ("vetoes", counters.vetoes)):
        text = ", ".join(f"{reason}: {count}" for reason, count in counts.items())
        rows.append(_row(name, text or "none"))
    return rows


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.6g}"


def _row(name: str, text: str) -> str:
    return f"{name + ':':<12}{text}"


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
