"""Policy networks: their formulas, and what cannot be one is refused."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from damosrl.errors import ArtifactError, UnknownNameError
from damosrl.policy import ACTIVATIONS, Layer, Normaliser, PolicyNetwork
from damosrl.testing.sample_policies import sample_network


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
    network = sample_network(np.random.default_rng(0), normalised=True)
    batch = network.act(observations)
    single = np.array([network.act(observation) for observation in observations])
    assert batch == pytest.approx(single, abs=1e-5)
    assert (np.abs(batch) <= 1).all()


@pytest.mark.parametrize("limit", [0.0, -1.0, float("nan"), float("inf")])
def test_a_normaliser_needs_a_limit(limit: float) -> None:
    """A limit that is no positive number would turn every observation into another."""
    with pytest.raises(ArtifactError, match="limit is wrong"):
        Normaliser(np.zeros(1, np.float32), np.ones(1, np.float32), limit)
