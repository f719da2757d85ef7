"""An explanation as plain text and as plain data."""

from dataclasses import asdict
from typing import Any

from damosrl.damon.explain.parts import Explanation
from damosrl.damon.explain.rules import Severity


def to_text(explanation: Explanation) -> str:
    """Return statements grouped by place, then warnings, then notes."""
    lines: list[str] = []
    where = None
    for item in explanation.statements:
        if item.where != where:
            where = item.where
            lines.append(where)
        lines.append(f"  {item.topic + ':':<12}{item.text}")
    for severity in Severity:
        found = explanation.of(severity)
        plural = "" if len(found) == 1 else "s"
        lines.append(f"{len(found) or 'no'} {severity}{plural} (Linux {explanation.kernel})")
        lines += [
            f"  {trap.where or 'document'} [{trap.rule}]: {trap.effect}; fix: {trap.fix}"
            for trap in found
        ]
    return "\n".join(lines) + "\n"


def to_data(explanation: Explanation) -> dict[str, Any]:
    """Return the explanation as data for JSON; every trap says its severity."""
    data = asdict(explanation)
    data["traps"] = [{**asdict(trap), "severity": str(trap.severity)} for trap in explanation.traps]
    return data
