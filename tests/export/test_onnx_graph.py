"""The graph, run by onnxruntime, beside the network that it was made from."""

import json
import sys
from typing import get_args

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from damosrl.artifact import ActionKind
from damosrl.errors import ExportError
from damosrl.export.observations import probe_observations
from damosrl.export.onnx_graph import OPSET, OnnxPolicy, onnx_model
from damosrl.export.parity import LIMIT, action_difference, largest_difference
from damosrl.knobs import FloatArray, Quantity, QuantitySet
from damosrl.policy import ActivationName, OutputMap
from damosrl.steps import stepped
from tests.export.networks import FEATURES, KNOBS, random_network, spec_of

SEEDS = st.integers(0, 2**32 - 1)


def _positions(observations: FloatArray, actions: FloatArray, action_kind: str) -> FloatArray:
    if action_kind == "absolute":
        return actions
    return stepped(KNOBS, np.nan_to_num(observations[:, -len(KNOBS) :]), actions)


@settings(max_examples=30, deadline=None)
@given(
    seed=SEEDS,
    activation=st.sampled_from(get_args(ActivationName)),
    output=st.sampled_from(get_args(OutputMap)),
    normalised=st.booleans(),
    action_kind=st.sampled_from(get_args(ActionKind)),
)
def test_the_graph_does_what_the_network_does(
    seed: int,
    activation: ActivationName,
    output: OutputMap,
    normalised: bool,
    action_kind: ActionKind,
) -> None:
    """Actions and physical knobs agree for every activation, output map and kind of action."""
    generator = np.random.default_rng(seed)
    network = random_network(generator, activation, output, normalised=normalised)
    seen = probe_observations(FEATURES, generator, 500)
    actions, knobs = OnnxPolicy(onnx_model(network, spec_of(), action_kind, {}))(seen)
    assert action_difference(network, seen, network.act(seen), actions) <= LIMIT
    positions = _positions(seen.astype(np.float64), actions.astype(np.float64), action_kind)
    expected = KNOBS.to_physical(positions.astype(np.float32))
    assert largest_difference(KNOBS.to_normal(knobs), KNOBS.to_normal(expected)) <= LIMIT


@settings(max_examples=20, deadline=None)
@given(low=st.floats(-50.0, 50.0), width=st.floats(0.5, 1e9), seed=SEEDS)
def test_every_scale_is_undone(low: float, width: float, seed: int) -> None:
    """Linear, logarithmic and symmetric scales give the same physical values, off included."""
    items = (
        Quantity("linear", "s", low, low + width, "Linear.", off_below=-0.5),
        Quantity("log", "s", abs(low) + 0.01, abs(low) + 0.01 + width, "Log.", scale="log"),
        Quantity("symlog", "s", low, low + width, "Symlog.", scale="symlog", off_below=0.0),
    )
    knobs = QuantitySet(items)
    generator = np.random.default_rng(seed)
    content = onnx_model(random_network(generator), spec_of(knobs), "absolute", {})
    actions, physical = OnnxPolicy(content)(probe_observations(FEATURES, generator, 200))
    expected = knobs.to_physical(actions.astype(np.float64))
    assert largest_difference(physical, expected) <= 1e-9 * (width + abs(low))


def test_one_observation_or_many_may_be_given() -> None:
    """The number of observations is free, and does not change the actions."""
    network = random_network(np.random.default_rng(1))
    policy = OnnxPolicy(onnx_model(network, spec_of(), "absolute", {}))
    seen = probe_observations(FEATURES, np.random.default_rng(2), 50)
    together, _ = policy(seen)
    alone = np.concatenate([policy(row[None])[0] for row in seen])
    assert largest_difference(together, alone) <= LIMIT


def test_the_model_says_what_it_is() -> None:
    """Opset, names, units, ranges and given properties are in the model, and ONNX accepts it."""
    content = onnx_model(
        random_network(np.random.default_rng(1)), spec_of(), "relative", {"hash": "abc"}
    )
    model = onnx.load_model_from_string(content)
    onnx.checker.check_model(model, full_check=True)
    assert [(item.domain, item.version) for item in model.opset_import] == [("", OPSET)]
    told = OnnxPolicy(content).metadata
    assert (told["hash"], told["action_kind"], told["task"]) == ("abc", "relative", "a-task")
    assert told["knob_names"] == "quota,age,share"
    assert told["knob_units"] == "bytes/s,s,%"
    assert json.loads(told["knob_spec"])[0]["off_below"] == -0.9
    assert len(json.loads(told["observation_spec"])) == FEATURES


def test_equal_policies_give_equal_bytes() -> None:
    """An export can be repeated bit for bit."""
    first, second = (
        onnx_model(random_network(np.random.default_rng(4)), spec_of(), "absolute", {"a": "b"})
        for _ in range(2)
    )
    assert first == second


def test_steps_need_the_knobs_in_force() -> None:
    """Relative actions over features that do not hold the knobs are refused."""
    spec = spec_of()
    other = QuantitySet(tuple(Quantity(f"x{i}", "s", 0.0, 1.0, "X.") for i in range(FEATURES)))
    bare = type(spec)(spec.task, other, spec.knobs, 1.0)
    with pytest.raises(ExportError, match="steps need the knobs in force"):
        onnx_model(random_network(np.random.default_rng(1)), bare, "relative", {})


@pytest.mark.parametrize("library", ["onnx", "onnxruntime"])
def test_a_missing_library_is_named_with_its_extra(
    library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without onnx or onnxruntime the error says what to install."""
    monkeypatch.setitem(sys.modules, library, None)
    network = random_network(np.random.default_rng(1))
    with pytest.raises(ExportError, match=rf"needs {library}.*pip install 'damosrl\[onnx\]'"):
        OnnxPolicy(onnx_model(network, spec_of(), "absolute", {}))
