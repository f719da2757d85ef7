"""What is written is what is read: every kind of policy, a folder or one file."""

import itertools
import pickle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from damosrl.artifact import (
    MANIFEST,
    WEIGHTS,
    ActionKind,
    Deployment,
    ObservedRange,
    assemble,
    load_artifact,
    save_artifact,
)
from damosrl.errors import ArtifactError
from damosrl.machine import QuotaLoop
from damosrl.policy import AnyPolicy, ControllerPolicy, Policy, PolicyTree
from damosrl.testing.sample_policies import SAMPLE_SPEC, sample_network, sample_tree

SAFETY = {"limits": {"quota": [0.0, 1e8]}, "slew": {"quota": 2.0}, "dead_band": 0.01}
FORMS = ("policy", "policy.damosrl")

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    lambda children: (
        st.lists(children, max_size=3) | st.dictionaries(st.text("abc", max_size=4), children)
    ),
    max_leaves=8,
)
parameters = st.dictionaries(st.text("abc", min_size=1, max_size=8), plain, max_size=4)
seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)
policies = st.one_of(
    st.builds(sample_network, seeds, hidden=st.integers(1, 9), normalised=st.booleans()),
    st.builds(sample_tree, seeds, splits=st.integers(0, 20)),
    st.builds(
        ControllerPolicy, st.text(min_size=1, max_size=20).filter(str.isprintable), parameters
    ),
)
ranges = st.none() | st.lists(
    st.tuples(st.floats(-1, 0), st.floats(0, 1)), min_size=3, max_size=3
).map(lambda pairs: ObservedRange(*(tuple(column) for column in zip(*pairs, strict=True))))
deployments = st.builds(
    Deployment,
    task_settings=parameters,
    frames=st.integers(1, 8),
    quota_loop=st.sampled_from(QuotaLoop),
    safety=st.just(SAFETY) | st.just({}),
    observed=ranges,
)


def _same(one: AnyPolicy, other: AnyPolicy) -> bool:
    """Tell whether two policies are the same: act alike bit for bit, or name the same."""
    if isinstance(one, ControllerPolicy) or isinstance(other, ControllerPolicy):
        return one == other
    shown = np.random.default_rng(1).uniform(-1, 1, (200, 3)).astype(np.float32)
    return type(one) is type(other) and np.array_equal(one.act(shown), other.act(shown))


@settings(max_examples=60, deadline=None)
@given(
    policies,
    deployments,
    parameters,
    st.sampled_from(["absolute", "relative", "discrete"]),
    st.sampled_from(FORMS),
)
def test_round_trip_keeps_everything(
    policy: AnyPolicy,
    deployment: Deployment,
    provenance: dict[str, Any],
    action_kind: ActionKind,
    form: str,
) -> None:
    """Spec, deployment, provenance, hash and every bit of the policy come back."""
    given_parts: dict[str, Any] = {
        "spec": SAMPLE_SPEC,
        "algorithm": "any",
        "action_kind": action_kind,
        "deployment": deployment,
        "provenance": provenance,
    }
    with TemporaryDirectory() as folder:
        path = save_artifact(Path(folder) / "new" / form, policy, **given_parts)
        assert path.is_file() == form.endswith(".damosrl")
        loaded = load_artifact(path)
    in_memory = assemble(policy, **given_parts)
    for artifact in (loaded, in_memory, pickle.loads(pickle.dumps(in_memory))):  # noqa: S301  ours
        assert artifact.spec == SAMPLE_SPEC
        assert (artifact.algorithm, artifact.action_kind) == ("any", action_kind)
        assert artifact.deployment == deployment
        assert artifact.provenance == provenance
        assert (artifact.content_sha256, artifact.schema_version) == (loaded.content_sha256, 2)
        assert _same(artifact.policy, policy)


def test_equal_policies_are_equal_files(tmp_path: Path) -> None:
    """The same policy is written to the same bytes."""
    network = sample_network(np.random.default_rng(0), normalised=True)
    for name in ("one", "two", "one.damosrl", "two.damosrl"):
        save_artifact(tmp_path / name, network, spec=SAMPLE_SPEC, algorithm="PPO")
    for file in (MANIFEST, WEIGHTS):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    assert (tmp_path / "one.damosrl").read_bytes() == (tmp_path / "two.damosrl").read_bytes()


def test_the_hash_covers_every_part() -> None:
    """Another policy, task, deployment or provenance is another hash; the form is not."""
    rng = np.random.default_rng(0)
    network, tree = sample_network(rng, normalised=False), sample_tree(rng)
    base: dict[str, Any] = {"spec": SAMPLE_SPEC, "algorithm": "PPO"}
    hashes = [
        assemble(network, **base).content_sha256,
        assemble(tree, **base).content_sha256,
        assemble(network, **{**base, "algorithm": "SAC"}).content_sha256,
        assemble(network, **base, action_kind="relative").content_sha256,
        assemble(network, **base, deployment=Deployment(safety=SAFETY)).content_sha256,
        assemble(network, **base, provenance={"seed": 1}).content_sha256,
    ]
    assert all(one != other for one, other in itertools.combinations(hashes, 2))


def test_a_bundle_can_be_moved_and_linked(tmp_path: Path) -> None:
    """A bundle holds no path of its own, and may be named by a link."""
    policy = sample_tree(np.random.default_rng(0))
    for form in FORMS:
        path = save_artifact(tmp_path / form, policy, spec=SAMPLE_SPEC, algorithm="tree")
        moved = path.rename(tmp_path / f"moved-{form}")
        path.symlink_to(moved)
        assert load_artifact(path).content_sha256 == load_artifact(moved).content_sha256


@pytest.mark.parametrize("form", FORMS)
def test_a_bundle_is_never_overwritten(tmp_path: Path, form: str) -> None:
    """A second bundle of the same name is refused, a dangling link too."""
    policy = sample_tree(np.random.default_rng(0))
    path = save_artifact(tmp_path / form, policy, spec=SAMPLE_SPEC, algorithm="one")
    with pytest.raises(ArtifactError, match="exists"):
        save_artifact(path, policy, spec=SAMPLE_SPEC, algorithm="two")
    assert load_artifact(path).algorithm == "one"
    (tmp_path / f"link-{form}").symlink_to(tmp_path / "nowhere")
    with pytest.raises(ArtifactError, match="exists"):
        save_artifact(tmp_path / f"link-{form}", policy, spec=SAMPLE_SPEC, algorithm="two")


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"provenance": {"at": object()}}, "plain data"),
        ({"provenance": {"at": float("nan")}}, "plain data"),
        ({"provenance": {"text": "x" * 2**20}}, "too large"),
        ({"deployment": Deployment(safety={"slew": {"quta": 2.0}})}, "did you mean 'quota'"),
        ({"deployment": Deployment(safety={"slew": {"age": 2.0}})}, "log scale"),
        ({"deployment": Deployment(safety={"sleew": {}})}, "did you mean 'slew'"),
        ({"deployment": Deployment(frames=0)}, "frames"),
        ({"deployment": Deployment(observed=ObservedRange((0.0,), (1.0,)))}, "observed range"),
        ({"deployment": Deployment(observed=ObservedRange((1.0,) * 3, (0.0,) * 3))}, "observed"),
        ({"action_kind": "sideways"}, "sideways"),
    ],
)
def test_what_would_not_load_is_not_written(
    tmp_path: Path, parts: dict[str, Any], message: str
) -> None:
    """Parts that do not fit are refused on writing, and leave nothing behind."""
    policy = sample_tree(np.random.default_rng(0))
    with pytest.raises(ArtifactError, match=message):
        save_artifact(tmp_path / "p", policy, **{"spec": SAMPLE_SPEC, "algorithm": "x", **parts})
    assert list(tmp_path.iterdir()) == []


def test_nothing_half_written_is_left(tmp_path: Path) -> None:
    """A place that cannot be written is named, and nothing is left behind."""
    (tmp_path / "file").write_text("")
    for form in FORMS:
        with pytest.raises(ArtifactError, match="cannot write"):
            save_artifact(
                tmp_path / "file" / form,
                sample_tree(np.random.default_rng(0)),
                spec=SAMPLE_SPEC,
                algorithm="x",
            )
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_the_observed_range_leaves_out_outliers_and_the_unmeasured() -> None:
    """Quantiles of what was a number; a feature that never was keeps its whole range."""
    rng = np.random.default_rng(0)
    seen = rng.uniform(-0.5, 0.25, (100_000, 3)).astype(np.float32)
    seen[0, 0], seen[1, 1], seen[:, 2] = 1.0, np.inf, np.nan
    observed = ObservedRange.of(seen)
    assert observed.low == pytest.approx((-0.5, -0.5, -1.0), abs=0.005)
    assert observed.high == pytest.approx((0.25, 0.25, 1.0), abs=0.005)


def test_a_tree_is_loaded_as_a_policy(tmp_path: Path) -> None:
    """Arrays come back with their types."""
    tree = sample_tree(np.random.default_rng(0))
    loaded = load_artifact(save_artifact(tmp_path / "t", tree, spec=SAMPLE_SPEC, algorithm="t"))
    assert isinstance(loaded.policy, Policy)
    assert isinstance(loaded.policy, PolicyTree)
    for name in ("feature", "threshold", "left", "right", "value"):
        assert getattr(loaded.policy, name).dtype == getattr(tree, name).dtype
