"""The policy bundle: what is written is what is read, and nothing else is accepted."""

import hashlib
import io
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from damosrl.artifact import (
    MANIFEST,
    WEIGHTS,
    ActionKind,
    load_artifact,
    require_same_spec,
    save_artifact,
)
from damosrl.errors import ArtifactError, UnknownNameError
from damosrl.knobs import Quantity, QuantitySet
from damosrl.policy import ACTIVATIONS, Layer, Normaliser, PolicyNetwork
from damosrl.task import TaskSpec

SPEC = TaskSpec(
    "sample-v0",
    QuantitySet(
        tuple(Quantity(name, "ratio", 0.0, 1.0, f"Is {name}.") for name in ("a", "b", "c"))
    ),
    QuantitySet(
        (
            Quantity("quota", "bytes/s", 1.0, 1e9, "A quota.", "log", off_below=-0.9, default=5.0),
            Quantity("age", "s", 0.0, 30.0, "An age.", "symlog"),
        )
    ),
    1.0,
)


def _network(seed: int = 0, normaliser: bool = True) -> PolicyNetwork:
    rng = np.random.default_rng(seed)
    return PolicyNetwork(
        layers=(
            Layer(rng.normal(size=(8, 3)).astype(np.float32), np.ones(8, np.float32), "tanh"),
            Layer(rng.normal(size=(2, 8)).astype(np.float32), np.zeros(2, np.float32)),
        ),
        output="clip",
        normaliser=Normaliser(np.full(3, 0.1, np.float32), np.full(3, 2.0, np.float32))
        if normaliser
        else None,
    )


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A written bundle."""
    return save_artifact(
        tmp_path / "policy",
        _network(),
        spec=SPEC,
        algorithm="PPO",
        limits={"quota": [0.0, 1e9]},
        provenance={"command": "damosrl train", "seed": 3},
    )


@pytest.mark.parametrize("normaliser", [True, False])
def test_round_trip_keeps_everything(tmp_path: Path, normaliser: bool) -> None:
    """Spec, limits, provenance and every bit of the policy come back."""
    network = _network(normaliser=normaliser)
    limits, provenance = {"quota": [0.0, 1.0]}, {"seed": 3, "workloads": ["zipf"]}
    folder = save_artifact(
        tmp_path / "a" / "policy",
        network,
        spec=SPEC,
        algorithm="PPO",
        action_kind="relative",
        limits=limits,
        provenance=provenance,
    )
    loaded = load_artifact(folder)
    assert loaded.spec == SPEC
    assert (loaded.algorithm, loaded.action_kind) == ("PPO", "relative")
    assert (loaded.limits, loaded.provenance) == (limits, provenance)
    shown = np.random.default_rng(1).uniform(-1, 1, (100, 3)).astype(np.float32)
    assert np.array_equal(loaded.network.act(shown), network.act(shown))


def test_equal_policies_are_equal_files(tmp_path: Path) -> None:
    """The same policy is written to the same bytes: equal runs can be told by their files."""
    for name in ("one", "two"):
        save_artifact(tmp_path / name, _network(), spec=SPEC, algorithm="PPO")
    for file in (MANIFEST, WEIGHTS):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_a_bundle_can_be_moved(bundle: Path, tmp_path: Path) -> None:
    """A bundle holds no path of its own."""
    moved = bundle.rename(tmp_path / "elsewhere")
    assert load_artifact(moved).algorithm == "PPO"


def test_loading_needs_no_learning_library(bundle: Path) -> None:
    """Neither torch nor the emulator's compiler is imported to load a bundle and act."""
    code = (
        "import sys; from pathlib import Path; import numpy as np\n"
        "from damosrl.artifact import load_artifact\n"
        "tuner = load_artifact(Path(sys.argv[1])).tuner(); tuner.reset(tuner.artifact.spec, 0)\n"
        "tuner.act(np.zeros(3, np.float32))\n"
        "print([name for name in ('torch', 'stable_baselines3', 'numba') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(bundle)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def _edit_manifest(bundle: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = bundle / MANIFEST
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def _reseal(content: dict[str, Any]) -> None:
    """Give an edited manifest a fitting digest, as a forger or a foreign writer would."""
    del content["manifest_sha256"]
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    content["manifest_sha256"] = hashlib.sha256(text.encode()).hexdigest()


def _forge_weights(bundle: Path, change: Callable[[dict[str, Any]], object]) -> None:
    with np.load(bundle / WEIGHTS) as stored:
        content = dict(stored)
    change(content)
    buffer = io.BytesIO()
    np.savez(buffer, **content)
    (bundle / WEIGHTS).write_bytes(buffer.getvalue())

    def reseal(manifest: dict[str, Any]) -> None:
        manifest["weights_sha256"] = hashlib.sha256(buffer.getvalue()).hexdigest()
        _reseal(manifest)

    _edit_manifest(bundle, reseal)


def test_changed_weights_are_refused(bundle: Path) -> None:
    """One flipped bit in the weights is found."""
    content = bytearray((bundle / WEIGHTS).read_bytes())
    content[len(content) // 2] ^= 1
    (bundle / WEIGHTS).write_bytes(bytes(content))
    with pytest.raises(ArtifactError, match=r"weights\.npz is not what was written"):
        load_artifact(bundle)


def test_changed_manifest_is_refused(bundle: Path) -> None:
    """A widened limit is found."""
    _edit_manifest(bundle, lambda content: content["limits"].update(quota=[0.0, 1e12]))
    with pytest.raises(ArtifactError, match=r"manifest\.json is not what was written"):
        load_artifact(bundle)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content.update(format="keras"), "no policy bundle"),
        (lambda content: content.pop("format"), "no policy bundle"),
        (lambda content: content.update(version=99), "unknown version: got 99"),
        (lambda content: content.update(sort="x"), "sort"),
        (lambda content: content.pop("knobs"), "knobs"),
        (lambda content: content.update(action_kind="sideways"), "sideways"),
        (lambda content: content["network"].update(output="softmax"), "softmax"),
        (lambda content: content["network"].update(activations=["tanh", "gelu"]), "gelu"),
        (lambda content: content["knobs"][0].update(low=5e9), "range of quota is empty"),
        (lambda content: content["knobs"].pop(), "2 outputs"),
        (lambda content: content["observation"].pop(), "3 inputs"),
        (lambda content: content["network"].update(activations=["tanh"]), "8 outputs"),
        (lambda content: content["network"].update(activations=["tanh"] * 3), "weight_2"),
    ],
)
def test_foreign_manifests_are_refused(
    bundle: Path, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    """A manifest that is foreign or does not fit is refused even when its digest is right."""

    def forge(content: dict[str, Any]) -> None:
        change(content)
        _reseal(content)

    _edit_manifest(bundle, forge)
    with pytest.raises(ArtifactError, match=message):
        load_artifact(bundle)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content.update(weight_1=content["weight_1"].T), "do not fit"),
        (lambda content: content.update(bias_0=np.full(8, np.nan, np.float32)), "NaN"),
        (lambda content: content.update(bias_0=np.zeros(8)), "wrong type"),
        (lambda content: content.pop("bias_0"), "bias_0"),
        (lambda content: content.update(bias_0=np.array([object()])), "allow_pickle"),
        (lambda content: content.update(normaliser_scale=np.zeros(3, np.float32)), "scale > 0"),
        (lambda content: content.pop("normaliser_mean"), "normaliser_mean"),
    ],
)
def test_unusable_weights_are_refused(
    bundle: Path, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    """Weights that do not fit, are no numbers, or hide a pickle are refused."""
    _forge_weights(bundle, change)
    with pytest.raises(ArtifactError, match=message):
        load_artifact(bundle)


def test_missing_and_broken_files_are_refused(bundle: Path) -> None:
    """A missing folder, a missing file, and what is no JSON each get one clear line."""
    with pytest.raises(ArtifactError, match="cannot read"):
        load_artifact(bundle / "nowhere")
    (bundle / MANIFEST).write_text("{")
    with pytest.raises(ArtifactError, match="no JSON"):
        load_artifact(bundle)
    (bundle / MANIFEST).write_text("[1]")
    with pytest.raises(ArtifactError, match="no policy bundle"):
        load_artifact(bundle)


def test_an_existing_folder_is_left_alone(bundle: Path) -> None:
    """A bundle is never overwritten."""
    before = (bundle / MANIFEST).read_bytes()
    with pytest.raises(ArtifactError, match="exists"):
        save_artifact(bundle, _network(1), spec=SPEC, algorithm="PPO")
    assert (bundle / MANIFEST).read_bytes() == before


def test_nothing_half_written_is_left(tmp_path: Path) -> None:
    """A bundle that cannot be written leaves nothing behind."""
    with pytest.raises(ArtifactError, match="plain data"):
        save_artifact(
            tmp_path / "p", _network(), spec=SPEC, algorithm="PPO", provenance={"at": object()}
        )
    (tmp_path / "file").write_text("")
    with pytest.raises(ArtifactError, match="cannot write"):
        save_artifact(tmp_path / "file" / "p", _network(), spec=SPEC, algorithm="PPO")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"task": "other-v0"}, "task differs"),
        ({"decision_interval_s": 2.0}, "decision interval differs"),
        ({"observation": QuantitySet(SPEC.observation.items[::-1])}, "features differs"),
        ({"knobs": QuantitySet(SPEC.knobs.items[:1])}, "knobs differs"),
    ],
)
def test_another_task_is_refused(bundle: Path, change: dict[str, Any], message: str) -> None:
    """A policy refuses a task whose features, knobs or rhythm it was not trained for."""
    tuner = load_artifact(bundle).tuner()
    with pytest.raises(ArtifactError, match=message):
        tuner.reset(replace(SPEC, **change), seed=0)


@pytest.mark.parametrize(
    "change", [{"unit": "MiB/s"}, {"high": 2e9}, {"scale": "linear"}, {"off_below": None}]
)
def test_another_meaning_of_a_knob_is_refused(change: dict[str, Any]) -> None:
    """The same knob in another unit, range or scale is another knob."""
    quota, age = SPEC.knobs.items
    other = replace(SPEC, knobs=QuantitySet((replace(quota, **change), age)))
    with pytest.raises(ArtifactError, match=f"{next(iter(change))} of quota differs"):
        require_same_spec(SPEC, other)


def test_a_reworded_meaning_is_no_difference() -> None:
    """Words for people do not matter to a policy."""
    quota, age = SPEC.knobs.items
    other = replace(SPEC, knobs=QuantitySet((replace(quota, meaning="Reworded."), age)))
    require_same_spec(SPEC, other)


@pytest.mark.parametrize("kind", ["relative", "discrete"])
def test_steps_start_from_what_is_in_force(tmp_path: Path, kind: ActionKind) -> None:
    """A policy trained on steps gives positions: one step from the knobs it sees in force."""
    last = tuple(replace(knob, name=f"last_{knob.name}") for knob in SPEC.knobs.items)
    spec = replace(SPEC, observation=QuantitySet((*SPEC.observation.items, *last)))
    up_and_keep = Layer(np.zeros((2, 5), np.float32), np.array([1, 0], np.float32))
    folder = save_artifact(
        tmp_path / "p",
        PolicyNetwork((up_and_keep,), "clip"),
        spec=spec,
        algorithm="PPO",
        action_kind=kind,
    )
    tuner = load_artifact(folder).tuner()
    tuner.reset(spec, seed=0)
    in_force = SPEC.knobs.to_normal(np.array([100.0, 7.0]))
    observation = np.concatenate([np.zeros(3), in_force]).astype(np.float32)
    action = tuner.act(observation).astype(np.float64)
    assert SPEC.knobs.to_physical(action) == pytest.approx([200.0, 7.0], rel=1e-4)


def test_steps_need_the_knobs_in_force(tmp_path: Path) -> None:
    """A policy trained on steps is refused where it cannot see what is in force."""
    folder = save_artifact(
        tmp_path / "p", _network(), spec=SPEC, algorithm="PPO", action_kind="relative"
    )
    with pytest.raises(ArtifactError, match="knobs in force"):
        load_artifact(folder).tuner().reset(SPEC, seed=0)


def test_choices_become_steps() -> None:
    """The best of {down, keep, up} acts as -1, 0 or 1, for each knob by itself."""
    layer = Layer(np.zeros((6, 1), np.float32), np.array([0, 0, 9, 5, 1, 2], np.float32))
    network = PolicyNetwork((layer,), "choice", choices=(3, 3))
    assert network.act(np.zeros((2, 1), np.float32)).tolist() == [[1.0, -1.0], [1.0, -1.0]]


@pytest.mark.parametrize("choices", [(), (3, 2), (6, 0), (5, 1)])
def test_choices_must_fit_the_outputs(choices: tuple[int, ...]) -> None:
    """Choices that do not add up to the outputs, or leave no choice, are refused."""
    layer = Layer(np.zeros((6, 1), np.float32), np.zeros(6, np.float32))
    with pytest.raises(ArtifactError, match="choices"):
        PolicyNetwork((layer,), "choice", choices=choices)


def test_unknown_activations_are_named() -> None:
    """An activation that is not known gets the nearest one's name."""
    with pytest.raises(UnknownNameError, match="did you mean 'tanh'"):
        Layer(np.zeros((1, 1), np.float32), np.zeros(1, np.float32), "tahn")  # type: ignore[arg-type]


@given(
    arrays.arrays(np.float32, (3, 4), elements=st.floats(-1e3, 1e3, width=32)),
    st.sampled_from(sorted(ACTIVATIONS)),
)
def test_activations_follow_their_formulas(values: np.ndarray[Any, Any], name: str) -> None:
    """Each activation equals its textbook formula in double precision."""
    x = values.astype(np.float64)
    formulas = {
        "identity": x,
        "relu": np.where(x > 0, x, 0.0),
        "tanh": np.tanh(x),
        "elu": np.where(x > 0, x, np.expm1(np.minimum(x, 0.0))),
        "silu": x * np.exp(-np.logaddexp(0.0, -x)),
        "leaky_relu": np.where(x > 0, x, 0.01 * x),
    }
    result = dict(ACTIVATIONS)[name](values)  # type: ignore[index]
    assert result.dtype == np.float32
    assert result == pytest.approx(formulas[name], rel=1e-5, abs=1e-4)


@given(arrays.arrays(np.float32, (5, 3), elements=st.floats(-1, 1, width=32)))
def test_a_batch_acts_as_its_members(observations: np.ndarray[Any, Any]) -> None:
    """Acting on a batch equals acting one by one, up to float32 rounding, always in range."""
    network = _network()
    batch = network.act(observations)
    single = np.array([network.act(observation) for observation in observations])
    assert batch == pytest.approx(single, abs=1e-5)
    assert (np.abs(batch) <= 1).all()
