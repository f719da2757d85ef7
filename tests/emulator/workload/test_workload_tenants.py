"""Tenants side by side: their access models are joined, and their shares checked."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from damosrl.config import load_choice
from damosrl.emulator.workload.joining import MAX_EPOCHS, SAME_TIME_S, join
from damosrl.emulator.workload.model import AccessModel
from damosrl.emulator.workload.source import workload_source
from damosrl.errors import UnknownNameError, WorkloadError

PAGE = 4096
MIXES = ("web_batch", "equal", "shifting", "phases", "small_web")


def _model(
    rates: list[list[float]], epoch_s: list[float], period_s: float = math.inf
) -> AccessModel:
    table = np.array(rates, np.float32)
    return AccessModel(np.arange(table.shape[1] + 1) * PAGE, np.array(epoch_s), table, period_s)


@st.composite
def _models(draw: st.DrawFn) -> AccessModel:
    epochs, pieces = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    lengths = draw(st.lists(st.integers(1, 20), min_size=epochs, max_size=epochs))
    rates = draw(
        st.lists(
            st.lists(st.floats(0.0, 100.0, width=32), min_size=pieces, max_size=pieces),
            min_size=epochs,
            max_size=epochs,
        )
    )
    ends = np.cumsum(lengths)
    return _model(rates, [0.0, *ends[:-1].tolist()], float(ends[-1]))


@settings(deadline=None, max_examples=200)
@given(models=st.lists(_models(), min_size=1, max_size=3), share=st.floats(0.0, 0.999))
def test_each_keeps_its_rates_at_all_times(models: list[AccessModel], share: float) -> None:
    """Within the longest period every piece is accessed as in its own model."""
    joined = join(models)
    assert joined.period_s == max(model.period_s for model in models)
    time_s = share * joined.period_s
    if any(_near_a_border(model, time_s) for model in models):
        return
    row = joined.rate_hz[joined.epoch_at(time_s)]
    wanted = np.concatenate([model.rate_hz[model.epoch_at(time_s)] for model in models])
    np.testing.assert_array_equal(row, wanted)
    assert joined.footprint_bytes == sum(model.footprint_bytes for model in models)


def _near_a_border(model: AccessModel, time_s: float) -> bool:
    borders = np.append(model.epoch_s, model.period_s)
    return bool(np.abs(time_s % model.period_s - borders).min() < 2 * SAME_TIME_S)


def test_a_constant_one_goes_with_any() -> None:
    """What never changes takes on the period of what it runs beside."""
    joined = join([_model([[5.0]], [0.0]), _model([[1.0], [2.0]], [0.0, 3.0], 10.0)])
    assert joined.period_s == 10.0
    assert joined.rate_hz.tolist() == [[5.0, 1.0], [5.0, 2.0]]


def test_what_ends_does_not_run_beside_what_repeats() -> None:
    """No period holds both a model that ends constant and one that repeats."""
    with pytest.raises(WorkloadError, match="repeats and one that ends"):
        join([_model([[5.0], [1.0]], [0.0, 2.0]), _model([[1.0], [2.0]], [0.0, 3.0], 10.0)])


def test_too_many_epochs_are_refused() -> None:
    """A very short period beside a very long one would fill memory with epochs."""
    quick = _model([[1.0], [2.0]], [0.0, 0.5], 1.0)
    with pytest.raises(WorkloadError, match="too often"):
        join([quick, _model([[1.0], [2.0]], [0.0, 3.0], float(MAX_EPOCHS))])


@pytest.mark.parametrize("mix", MIXES)
def test_shipped_tenants_own_all_pages(mix: str) -> None:
    """Each mix has a web and a batch, whose pages lie in their groups, and a family of its own."""
    source = workload_source(f"tenants_{mix}")
    drawn = source.draw(np.random.default_rng(3))
    assert [tenant.memcg for tenant in drawn.tenants] == ["/web", "/batch"]
    assert drawn.pages is not None
    assert [page.memcg for page in drawn.pages.classes] == ["/web", "/batch"]
    assert drawn.pages.border_bytes[-1] == drawn.access.footprint_bytes
    assert drawn.family == source.family != "tenants"
    assert "/web" in source.describe()


def test_equal_seeds_draw_equal_tenants() -> None:
    """All randomness comes from the generator."""
    source = workload_source("tenants_mix")
    one, two = (source.draw(np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(one.access.rate_hz, two.access.rate_hz)
    assert one.tenants == two.tenants


def test_a_tenant_may_run_an_existing_choice() -> None:
    """A choice by name gives its accesses and its application; shares give the sizes."""
    source = workload_source(_yaml(("/a", 0.25, "zipf"), ("/b", 0.75, "uniform")))
    drawn = source.draw(np.random.default_rng(0))
    assert drawn.pages is not None
    assert np.diff(drawn.pages.border_bytes).tolist() == [2**28, 3 * 2**28]
    assert drawn.tenants[0].application.threads == 8


def _yaml(*tenants: tuple[str, float, str]) -> dict[str, Any]:
    listed = [{"memcg": path, "share": share, "workload": name} for path, share, name in tenants]
    return {"footprint": "1 GiB", "tenants": listed}


@pytest.mark.parametrize(
    ("tenants", "words"),
    [
        ([("/a", 0.5, "zipf")], "too few tenants"),
        ([("/a", 0.5, "zipf"), ("/a/", 0.5, "zipf")], "one name"),
        ([("/a", 0.0, "zipf"), ("/b", 1.0, "zipf")], "tenant /a has no memory"),
        ([("/a", 0.5, "zipf"), ("/b", 0.6, "zipf")], "a sum of 1.1"),
        ([("/a", 0.2, "zipf"), ("/b", 0.2, "zipf")], "a sum of 0.4"),
        ([("/a", 1.5, "zipf"), ("/b", 0.2, "zipf")], "out of range"),
        ([("/", 0.5, "zipf"), ("/b", 0.5, "zipf")], "no control group"),
        ([("web", 0.5, "zipf"), ("/b", 0.5, "zipf")], "no control group"),
        ([("/a", 0.5, "train_mix"), ("/b", 0.5, "zipf")], "cannot run train_mix"),
        ([("/a", 0.5, "rec_phases"), ("/b", 0.5, "zipf")], "cannot run rec_phases"),
    ],
)
def test_wrong_tenants_are_refused(tenants: list[tuple[str, float, str]], words: str) -> None:
    """Each mistake is named: alone, twice, without memory, shares beyond the whole."""
    with pytest.raises(WorkloadError, match=words):
        workload_source(_yaml(*tenants))


def test_a_tenant_needs_one_kind_of_accesses() -> None:
    """Neither a choice nor accesses, or both, is an error."""
    values = _yaml(("/a", 0.5, "zipf"), ("/b", 0.5, "zipf"))
    values["tenants"][0]["access"] = {"kind": "uniform"}
    with pytest.raises(WorkloadError, match="or two of them"):
        workload_source(values)
    del values["tenants"][1]["workload"]
    del values["tenants"][0]["access"]
    with pytest.raises(WorkloadError, match="no accesses"):
        workload_source(values)


def test_a_tenant_of_a_few_pages_is_refused() -> None:
    """Below 32 MiB shares of a tenant's memory have no meaning."""
    source = workload_source(_yaml(("/a", 0.01, "zipf"), ("/b", 0.99, "zipf")))
    with pytest.raises(WorkloadError, match=r"tenant /a .* too little memory"):
        source.draw(np.random.default_rng(0))


def test_pages_of_tenants_are_theirs_to_say() -> None:
    """Page classes or processes beside tenants contradict them."""
    values = {
        **_yaml(("/a", 0.5, "zipf"), ("/b", 0.5, "zipf")),
        "pages": {"classes": [{"share": 1}]},
    }
    with pytest.raises(WorkloadError, match="know no pages"):
        workload_source(values)


def test_misspelt_keys_are_named() -> None:
    """An unknown key of a tenant gets the nearest name."""
    values = _yaml(("/a", 0.5, "zipf"), ("/b", 0.5, "zipf"))
    values["tenants"][0]["memgc"] = values["tenants"][0].pop("memcg")
    with pytest.raises(UnknownNameError, match="memcg"):
        workload_source(values)


@pytest.mark.parametrize("mix", MIXES)
def test_full_randomisation_of_tenants_stays_within_their_ranges(mix: str) -> None:
    """With randomize: true each of 30 drawn mixes is valid, shares and loops within the YAML's."""
    values = load_choice("workload", f"tenants_{mix}")
    source = workload_source({**values, "randomize": True})
    rng, shares = np.random.default_rng(0), set()
    for drawn in (source.draw(rng) for _ in range(30)):
        assert 8 * 2**30 - 2**21 <= drawn.access.footprint_bytes <= 32 * 2**30
        assert drawn.pages is not None
        shares.add(float(drawn.pages.border_bytes[1] / drawn.access.footprint_bytes))
        for tenant in drawn.tenants:
            assert 4 <= tenant.application.threads <= 16
            assert 2.0 <= tenant.application.parallelism <= 8.0
            assert 10.0 <= tenant.application.think_time_ns <= 200.0
    assert 0.09 < min(shares) <= max(shares) < 0.71
    assert mix == "equal" or len(shares) == 30
