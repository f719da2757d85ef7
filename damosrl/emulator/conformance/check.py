"""Compare conformance files with what the emulator computes, and report."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from damosrl.emulator.conformance.case import run_case
from damosrl.emulator.conformance.tables import TABLES, vectors_of
from damosrl.errors import DamosrlError, UnknownNameError

FORMAT_FIX = "give files in the format of the conformance data"
CASE_KEYS = ("seed", "targets", "attrs", "access", "free_mem_rate", "schemes", "duration_ms")
LONGEST_VALUE = 200


@dataclass(frozen=True)
class Result:
    """The outcome of one file.

    Args:
        name: Name of the case or table.
        tags: Tags of a case; tables have the tag ``table``.
        difference: First difference, ``key place: got ..., expected ...``; None if all is equal.
    """

    name: str
    tags: tuple[str, ...]
    difference: str | None

    def __str__(self) -> str:
        return (
            f"ok {self.name}" if self.difference is None else f"FAIL {self.name} {self.difference}"
        )


def print_case(path: str | Path) -> int:
    """Run a case and print its ``expect`` object: sorted keys, compact; return exit status 0.

    Raises:
        DamosrlError: The file is missing or is no trace case.
    """
    case = _read(Path(path))
    _require_case(case, Path(path), CASE_KEYS)
    expect = _guarded(Path(path), lambda: run_case(case))
    print(json.dumps(expect, sort_keys=True, separators=(",", ":")))  # noqa: T201
    return 0


def check_paths(paths: Iterable[str | Path], *, quiet: bool = False) -> int:
    """Check files and folders, print a line each and the counts; return 1 on any difference.

    Raises:
        DamosrlError: A file is missing or is neither case nor table.
    """
    results: list[Result] = []
    for result in check(paths):
        results.append(result)
        if not quiet or result.difference is not None:
            print(result)  # noqa: T201
    for line in summary(results):
        print(line)  # noqa: T201
    return int(any(result.difference is not None for result in results))


def summary(results: Sequence[Result]) -> list[str]:
    """Return the counts: all, and by tag."""
    of_tag: Counter[str] = Counter(tag for result in results for tag in result.tags)
    equal: Counter[str] = Counter(
        tag for result in results if result.difference is None for tag in result.tags
    )
    passed = sum(result.difference is None for result in results)
    by_tag = ", ".join(f"{tag} {equal[tag]}/{of_tag[tag]}" for tag in sorted(of_tag))
    return [f"{passed}/{len(results)} equal", f"by tag: {by_tag}"]


def check(paths: Iterable[str | Path]) -> Iterator[Result]:
    """Yield the outcome of every case and table in some files and folders.

    Raises:
        DamosrlError: A file is missing or is neither case nor table.
    """
    for path in _files(paths):
        data = _read(path)
        if "vectors" in data:
            yield _check_table(path, data)
        else:
            yield _check_case(path, data)


def _files(paths: Iterable[str | Path]) -> Iterator[Path]:
    for given in paths:
        path = Path(given)
        if not path.is_dir():
            yield path
            continue
        found = sorted(item for item in path.rglob("*.json") if item.name != "MANIFEST.json")
        if not found:
            raise DamosrlError(
                "no conformance files in the folder", got=path, fix="give cases/ or tables/"
            )
        yield from found


def _read(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise DamosrlError(
            "cannot read conformance file", got=f"{path}: {error}", fix=FORMAT_FIX
        ) from error
    if not isinstance(data, dict):
        raise DamosrlError(
            f"{path} is no conformance file", got=type(data).__name__, allowed="a JSON object"
        )
    return data


def _require_case(case: dict[str, Any], path: Path, keys: Sequence[str]) -> None:
    missing = [key for key in keys if key not in case]
    if missing:
        raise DamosrlError(
            f"{path} is no conformance case",
            got=f"no {', '.join(missing)}",
            allowed=f"an object with {', '.join(keys)}",
            fix=FORMAT_FIX,
        )


def _guarded(path: Path, compute: Any) -> Any:
    """Compute, turning what malformed values cause into an error that names the file."""
    try:
        return compute()
    except (KeyError, TypeError, ValueError, IndexError, OverflowError, AttributeError) as error:
        raise DamosrlError(
            f"{path} has a missing or malformed value",
            got=f"{type(error).__name__}: {error}",
            fix=FORMAT_FIX,
        ) from error


def _check_case(path: Path, case: dict[str, Any]) -> Result:
    _require_case(case, path, (*CASE_KEYS, "expect"))
    got = _guarded(path, lambda: run_case(case))
    name, tags = str(case.get("name", path.stem)), tuple(case.get("tags", ()))
    expect = case["expect"]
    return Result(name, tags, first_difference("", got, expect))


def _check_table(path: Path, table: dict[str, Any]) -> Result:
    name = str(table.get("name", path.stem))
    if name not in TABLES:
        raise UnknownNameError("conformance table", name, TABLES)
    step = TABLES[name]

    def compare() -> str | None:
        for place, vector in vectors_of(table):
            results = step(vector)
            expected = {key: vector[key] for key in results}
            difference = first_difference(place, results, expected)
            if difference is not None:
                return difference
        return None

    return Result(name, ("table",), _guarded(path, compare))


def first_difference(place: str, got: Any, expected: Any) -> str | None:
    """Return where two JSON values differ first and how, or None.

    Example:
        >>> first_difference("", {"esz": [1, 2]}, {"esz": [1, 3]})
        'esz[1]: got 2, expected 3'
    """
    if isinstance(got, dict) and isinstance(expected, dict):
        for key in sorted(got.keys() | expected.keys()):
            where = f"{place}.{key}" if place else str(key)
            if key not in got or key not in expected:
                return f"{where}: only in the {'case' if key in expected else 'result'}"
            difference = first_difference(where, got[key], expected[key])
            if difference is not None:
                return difference
        return None
    if isinstance(got, list) and isinstance(expected, list):
        for index, (one, other) in enumerate(zip(got, expected, strict=False)):
            difference = first_difference(f"{place}[{index}]", one, other)
            if difference is not None:
                return difference
        if len(got) != len(expected):
            return f"{place}: got {len(got)} rows, expected {len(expected)}"
        return None
    if got != expected:
        return f"{place}: got {str(got)[:LONGEST_VALUE]}, expected {str(expected)[:LONGEST_VALUE]}"
    return None
