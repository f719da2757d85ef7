"""Bundles from a hostile world: every one is refused with a reason, in bounded memory."""

import tracemalloc
from pathlib import Path

import numpy as np

from damosrl.artifact import WEIGHTS, load_artifact
from damosrl.artifact.archive import pack
from damosrl.artifact.arrays import pack_arrays, unpack_arrays
from damosrl.artifact.layout import MAX_WEIGHTS_BYTES
from damosrl.errors import ArtifactError
from damosrl.registry import artifact_tuner
from damosrl.testing.hostile_bundles import ATTACKS, EXECUTED, hostile_bundles
from damosrl.testing.hostile_forms import (
    as_file,
    as_folder,
    manifest_of,
    sound_bundles,
    with_manifest,
    with_weights,
)


def _reason(path: Path) -> str:
    """Return why a bundle is refused; "" if it is not."""
    try:
        artifact_tuner(load_artifact(path))
    except ArtifactError as error:
        return str(error)
    return ""


def test_ten_thousand_hostile_bundles_are_refused(tmp_path: Path) -> None:
    """Each is an ArtifactError of one bounded line; none is loaded, run, or another exception."""
    refused: dict[str, set[str]] = {attack.__name__: set() for attack in ATTACKS}
    for bundle in hostile_bundles(np.random.default_rng(20261128), tmp_path, 10_000):
        reason = _reason(bundle.path)
        assert reason, f"{bundle.attack} number {bundle.number} was loaded"
        assert "\n" not in reason
        assert len(reason) < 2_000
        refused[bundle.attack].add(reason.split(":")[0])
    assert all(refused.values())
    assert not (tmp_path / EXECUTED).exists()


def test_refusing_takes_little_memory(tmp_path: Path) -> None:
    """No hostile bundle, whatever it promises, makes more be allocated than a sound one may."""
    tracemalloc.start()
    try:
        worst = 0
        for bundle in hostile_bundles(np.random.default_rng(1), tmp_path, 8 * len(ATTACKS)):
            tracemalloc.reset_peak()
            before, _ = tracemalloc.get_traced_memory()
            assert _reason(bundle.path)
            worst = max(worst, tracemalloc.get_traced_memory()[1] - before)
    finally:
        tracemalloc.stop()
    assert 0 < worst < MAX_WEIGHTS_BYTES


def test_equal_seeds_give_equal_bundles(tmp_path: Path) -> None:
    """What failed once can be made again."""
    reasons = []
    for place in (tmp_path / "one", tmp_path / "two"):
        place.mkdir()
        drawn = hostile_bundles(np.random.default_rng(7), place, 3 * len(ATTACKS))
        reasons.append([_reason(bundle.path).replace(str(place), "") for bundle in drawn])
    assert reasons[0] == reasons[1]


def test_a_forger_who_changes_nothing_is_not_refused(tmp_path: Path) -> None:
    """What attacks begin from loads in both forms, so it is the attack that is refused."""
    for number, members in enumerate(sound_bundles(np.random.default_rng(0), tmp_path)):
        again = with_weights(members, pack_arrays(unpack_arrays(members[WEIGHTS])))
        assert again == members
        for path in (
            as_file(pack(again), tmp_path / f"again-{number}"),
            as_folder(with_manifest(again, manifest_of(again)), tmp_path / f"again-{number}"),
        ):
            assert _reason(path) == ""
