"""An explanation as plain text and as plain data."""

from dataclasses import asdict
from typing import Any

from damosrl.damon.explain.parts import Explanation


def to_text(explanation: Explanation) -> str:
    """Return statements grouped by place, then the warnings."""
    lines: list[str] = []
    where = None
    for item in explanation.statements:
        if item.where != where:
            where = item.where
            lines.append(where)
        lines.append(f"  {item.topic + ':':<12}{item.text}")
    count = len(explanation.traps)
    lines.append(f"{count or 'no'} warning{'' if count == 1 else 's'} (Linux {explanation.kernel})")
    lines += [
        f"  {trap.where} [{trap.rule}]: {trap.effect}; fix: {trap.fix}"
        for trap in explanation.traps
    ]
    return "\n".join(lines) + "\n"


def to_data(explanation: Explanation) -> dict[str, Any]:
    """Return the explanation as data for JSON."""
    return asdict(explanation)
