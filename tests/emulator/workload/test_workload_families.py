"""Synthetic families: each one's rates are what its name says, for all parameters."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from damosrl.emulator.workload.cyclic_scan import CyclicScan
from damosrl.emulator.workload.dwell import dwell_times
from damosrl.emulator.workload.model import AccessModel
from damosrl.emulator.workload.parameters import Sampler
from damosrl.emulator.workload.phases import Phases
from damosrl.emulator.workload.pieces import (
    GRANULE_BYTES,
    MAX_PIECES,
    Family,
    access_model,
    place_segments,
)
from damosrl.emulator.workload.pulses import Pulses
from damosrl.emulator.workload.shifting_hot import ShiftingHot
from damosrl.emulator.workload.static_hot import StaticHot
from damosrl.emulator.workload.steered import Steered
from damosrl.emulator.workload.uniform import Uniform
from damosrl.emulator.workload.zipf import Zipf
from damosrl.errors import WorkloadError

GRANULES = 8192
FAMILIES: list[Family] = [
    StaticHot(idle_share=0.2),
    Zipf(),
    ShiftingHot(dwell_spread=0.5, moved_share=0.5, clumps=4.0),
    Phases(),
    CyclicScan(resident_share=0.1, resident_access_share=0.5),
    Uniform(),
    Pulses(stops=3.0, drift_share=0.1, stripes=3.0),
]


def _draw(family: Family, seed: int = 0, granules: int = GRANULES) -> AccessModel:
    return family.draw(granules, Sampler(np.random.default_rng(seed), randomize=False))


def _shares(model: AccessModel) -> NDArray[np.float64]:
    return np.diff(model.border_bytes) / model.footprint_bytes


def _access_shares(model: AccessModel) -> NDArray[np.float64]:
    """Share of each piece in its epoch's accesses, ``(E, P)``."""
    load = model.rate_hz * _shares(model)
    return np.asarray(load / load.sum(axis=1, keepdims=True))


@dataclass(frozen=True)
class _AnyFamily:
    family: Family
    granules: int
    seed: int


def _any_family() -> st.SearchStrategy[_AnyFamily]:
    share = st.floats(0.01, 0.45)
    clumps = st.floats(1.0, 64.0)
    families = st.one_of(
        st.builds(
            StaticHot,
            hot_share=share,
            access_share=st.floats(0, 1),
            idle_share=share,
            clumps=clumps,
        ),
        st.builds(Zipf, exponent=st.floats(0, 3), clumps=st.floats(1, 9000)),
        st.builds(
            ShiftingHot,
            hot_share=share,
            access_share=st.floats(0, 1),
            clumps=clumps,
            moved_share=st.floats(0, 1),
            dwell_s=st.floats(0.1, 1e4),
            dwell_spread=st.floats(0, 3),
            moves=st.floats(2, 40),
        ),
        st.builds(
            Phases,
            phases=st.floats(2, 8),
            hot_share=st.tuples(st.just(0.01), share),
            clumps=clumps,
            dwell_s=st.floats(0.1, 1e4),
            dwell_spread=st.floats(0, 3),
            visits=st.floats(2, 40),
        ),
        st.builds(
            CyclicScan,
            window_share=st.floats(0, 1),
            window_access_share=st.floats(0, 1),
            resident_share=st.floats(0, 0.9),
            resident_access_share=st.floats(0, 1),
            round_s=st.floats(1, 1e4),
            step_s=st.floats(0.1, 100),
        ),
        st.builds(Uniform),
        st.builds(
            Pulses,
            home_share=share,
            home_place=st.floats(0, 1),
            away_share=share,
            hot_access_share=st.floats(0, 1),
            away_access_share=st.floats(0, 1),
            period_s=st.floats(1, 1e4),
            home_time_share=st.floats(0, 1),
            stops=st.floats(1, 16),
            drift_share=st.floats(0, 1),
            stripes=st.floats(1, 16),
        ),
    )
    return st.builds(
        _AnyFamily, families, granules=st.integers(16, 40_000), seed=st.integers(0, 2**32)
    )


@given(case=_any_family(), randomize=st.booleans())
@settings(max_examples=200, deadline=None)
def test_any_parameters_give_a_model_of_the_stated_size_and_rate(
    case: _AnyFamily, randomize: bool
) -> None:
    """Whatever the parameters, the model covers the footprint, and its mean rate is as asked."""
    sampler = Sampler(np.random.default_rng(case.seed), randomize)
    model = case.family.draw(case.granules, sampler)
    assert model.footprint_bytes == case.granules * GRANULE_BYTES
    assert not np.any(model.border_bytes % GRANULE_BYTES)
    means = model.rate_hz.astype(np.float64) @ _shares(model)
    np.testing.assert_allclose(means, 50.0, rtol=1e-4)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: type(family).__name__)
def test_same_seed_same_model(family: Family) -> None:
    """Equal seeds give equal models; another seed gives another layout, but for uniform."""
    first, again, other = _draw(family, 7), _draw(family, 7), _draw(family, 8)
    for name in ("border_bytes", "epoch_s", "rate_hz"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    alike = np.array_equal(first.border_bytes, other.border_bytes) and np.array_equal(
        first.rate_hz, other.rate_hz
    )
    assert alike == isinstance(family, Uniform)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: type(family).__name__)
def test_models_stay_small(family: Family) -> None:
    """No family's rates exceed a megabyte, and 16 TiB takes no more than 16 GiB does."""
    model = _draw(family)
    large = _draw(family, granules=GRANULES * 1024)
    assert model.rate_hz.nbytes <= 2**20
    assert large.rate_hz.size <= model.rate_hz.size + 8 * len(model.epoch_s)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: type(family).__name__)
def test_descriptions_carry_units(family: Family) -> None:
    """A description is a few sentences and says accesses per second per page."""
    assert "per second per 4 KiB page" in family.describe()


def test_static_hot_set_has_its_shares() -> None:
    """Hot memory, its share of the accesses and idle memory are as asked, in the clumps asked."""
    model = _draw(StaticHot(hot_share=0.15, access_share=0.9, idle_share=0.2, clumps=4.0))
    rates, shares = model.rate_hz[0], _shares(model)
    hot = rates == rates.max()
    assert len(model.epoch_s) == 1
    assert shares[hot].sum() == pytest.approx(0.15, abs=1e-3)
    assert _access_shares(model)[0, hot].sum() == pytest.approx(0.9, abs=1e-5)
    assert shares[rates == 0].sum() == pytest.approx(0.2, abs=1e-3)
    assert hot.sum() <= 4


def test_zipf_ranks_follow_the_power_law() -> None:
    """The k-th hottest clump gets k^-exponent of the hottest one's accesses."""
    model = _draw(Zipf(exponent=1.2, clumps=64.0))
    ranked = np.sort(_access_shares(model)[0])[::-1]
    np.testing.assert_allclose(ranked / ranked[0], np.arange(1, 65) ** -1.2, rtol=1e-5)


def test_zipf_ranks_lie_at_random() -> None:
    """Address and rank are not related: their correlation over many clumps is small."""
    rates = _draw(Zipf(exponent=1.0, clumps=2048.0)).rate_hz[0]
    ranks = np.argsort(np.argsort(rates))
    assert abs(np.corrcoef(ranks, np.arange(2048))[0, 1]) < 0.1


@pytest.mark.parametrize(("moved_share", "moved"), [(1.0, 4), (0.25, 1), (0.6, 3)])
def test_shifting_hot_set_moves_as_many_clumps_as_asked(moved_share: float, moved: int) -> None:
    """The hot share stays; at each move exactly the asked share of the clumps changes."""
    family = ShiftingHot(hot_share=0.1, clumps=4.0, moved_share=moved_share, moves=12.0)
    model = _draw(family, seed=3)
    hot = model.rate_hz > 100.0
    assert len(model.epoch_s) == 12
    np.testing.assert_allclose(hot @ _shares(model), 0.1, atol=1e-3)
    np.testing.assert_allclose((_access_shares(model) * hot).sum(axis=1), 0.9, atol=1e-5)
    left = (hot[:-1] & ~hot[1:]) @ _shares(model)
    np.testing.assert_allclose(left, 0.1 * moved / 4, atol=1e-3)


def test_shifting_hot_set_stays_for_the_dwell_time() -> None:
    """Without spread the moves come regularly, and the sequence repeats after the last one."""
    model = _draw(ShiftingHot(dwell_s=40.0, moves=5.0))
    np.testing.assert_allclose(model.epoch_s, [0, 40, 80, 120, 160])
    assert model.period_s == 200.0


def test_dwell_times_have_the_asked_median_and_bounds() -> None:
    """Lognormal stays keep their median and lie within a fifth and five times of it."""
    sampler = Sampler(np.random.default_rng(4), randomize=False)
    starts, end = dwell_times(sampler, 2001, median_s=10.0, spread=1.0)
    stays = np.diff(np.append(starts, end))
    assert np.median(stays) == pytest.approx(10.0, rel=0.1)
    assert stays.min() >= 2.0 - 1e-6
    assert stays.max() <= 50.0 + 1e-6


def test_phases_differ_and_return_to_their_place() -> None:
    """Three phases have three hot sets, from small to large; none follows itself, all return."""
    model = _draw(Phases(phases=3.0, hot_share=(0.05, 0.25), visits=24.0), seed=2)
    rows, which = np.unique(model.rate_hz, axis=0, return_inverse=True)
    hot = rows == rows.max(axis=1, keepdims=True)
    assert len(rows) == 3
    np.testing.assert_allclose(np.sort(hot @ _shares(model)), [0.05, 0.15, 0.25], atol=2e-3)
    assert len(model.epoch_s) == 24
    assert np.all(np.diff(which.ravel()) != 0)


def test_phases_change_their_intensity() -> None:
    """A range of intensities makes the phases' mean rates differ by these factors."""
    model = _draw(Phases(phases=2.0, intensity=(0.5, 1.5), visits=6.0))
    means = model.rate_hz @ _shares(model)
    assert sorted({round(float(mean), 2) for mean in means}) == [25.0, 75.0]


def test_scan_visits_every_page_for_the_same_time() -> None:
    """Over one round each page is inside the window for the window's share of the time."""
    model = _draw(CyclicScan(window_share=0.05, round_s=100.0, step_s=1.0), seed=5)
    inside = model.rate_hz > model.rate_hz.min()
    assert model.period_s == 100.0
    assert inside.shape == (100, 100)
    np.testing.assert_array_equal(inside.sum(axis=0), 5)
    np.testing.assert_allclose((_access_shares(model) * inside).sum(axis=1), 0.9, atol=1e-2)


def test_scan_moves_upwards_without_jumps() -> None:
    """From step to step the window goes one cell up, and from the end to the beginning."""
    inside = _draw(CyclicScan(step_s=1.0), seed=6).rate_hz > 100.0
    np.testing.assert_array_equal(np.roll(inside, 1, axis=1)[:-1], inside[1:])


def test_scan_leaves_the_resident_set_alone() -> None:
    """A resident hot set keeps its rate all the time, at one end of the memory."""
    family = CyclicScan(resident_share=0.1, resident_access_share=0.8, window_access_share=0.5)
    places = set()
    for seed in range(8):
        model = _draw(family, seed)
        resident = np.flatnonzero(_shares(model) > 0.05)
        assert len(resident) == 1
        assert len(np.unique(model.rate_hz[:, resident])) == 1
        np.testing.assert_allclose(_access_shares(model)[:, resident], 0.4, atol=1e-4)
        places.add(int(resident[0]))
    assert places == {0, 100}


def test_uniform_is_one_piece() -> None:
    """Uniform access needs one piece and one rate."""
    model = _draw(Uniform(mean_rate_hz=12.0))
    assert model.rate_hz.tolist() == [[12.0]]


def test_monitor_sees_a_spread() -> None:
    """With 20 samples of 5 ms hot memory shows 10 or more hits, cold memory less than one."""
    for family in (StaticHot(), ShiftingHot(), Zipf(exponent=1.2)):
        hits = 20 * -np.expm1(-_draw(family).rate_hz[0] * 0.005)
        assert hits.max() > 10.0
        assert hits.min() < 1.0


def test_equal_neighbours_are_merged() -> None:
    """Pieces equal at all times become one, and so do epochs equal to the one before."""
    rates = np.array([[1.0, 1.0, 2.0], [1.0, 1.0, 2.0], [3.0, 3.0, 2.0]])
    model = access_model(np.array([0, 1, 2, 4]), rates, np.array([0.0, 1.0, 2.0]), 3.0)
    assert model.border_bytes.tolist() == [0, 2 * GRANULE_BYTES, 4 * GRANULE_BYTES]
    assert model.epoch_s.tolist() == [0.0, 2.0]
    assert model.rate_hz.tolist() == [[1.0, 2.0], [3.0, 2.0]]


def test_too_many_pieces_are_refused() -> None:
    """The work limit on pieces is an error that says how to stay below it."""
    with pytest.raises(WorkloadError, match=r"too many pieces.*larger clumps"):
        access_model(np.arange(MAX_PIECES + 2), np.arange(MAX_PIECES + 1, dtype=np.float64))


@given(
    sizes=st.lists(st.integers(0, 50), min_size=1, max_size=20),
    free=st.integers(0, 500),
    seed=st.integers(0, 2**32),
)
def test_segments_never_overlap(sizes: list[int], free: int, seed: int) -> None:
    """Segments keep their order and sizes, do not overlap and stay inside."""
    lengths = np.array(sizes, dtype=np.int64)
    room = int(lengths.sum()) + free
    starts = place_segments(np.random.default_rng(seed), room, lengths)
    assert starts[0] >= 0
    assert starts[-1] + lengths[-1] <= room
    assert np.all(starts[1:] >= (starts + lengths)[:-1])


@pytest.mark.parametrize(
    "build",
    [
        lambda: StaticHot(hot_share=0.7, idle_share=0.4),
        lambda: StaticHot(hot_share=-0.1),
        lambda: Zipf(exponent=-1.0),
        lambda: Zipf(clumps=1e9),
        lambda: ShiftingHot(dwell_s=0.0),
        lambda: Phases(phases=1.0),
        lambda: CyclicScan(round_s=0.0),
        lambda: Uniform(mean_rate_hz=-1.0),
    ],
)
def test_impossible_families_are_refused(build: type[Family]) -> None:
    """Parameters without meaning are refused when the family is made, not when it is drawn."""
    with pytest.raises(WorkloadError):
        build()


PULSES = Pulses(home_share=0.25, away_share=0.125, hot_access_share=0.8, period_s=20.0)


def test_pulses_leave_home_and_come_back() -> None:
    """For half of a round the heat is at home, the lowest addresses; then elsewhere, all of it."""
    model = _draw(PULSES)
    at_home, away = _access_shares(model)
    home = np.cumsum(_shares(model)) <= 0.25 + 1e-9
    assert model.epoch_s.tolist() == [0.0, 10.0]
    assert model.period_s == 20.0
    assert at_home[home].sum() == pytest.approx(0.8, abs=1e-5)
    assert away[home].sum() == 0.0
    assert away.max() >= 0.4  # two pieces at most, where the place wraps around home


def test_pulses_can_stay_at_home_in_part() -> None:
    """What does not go away is still home's, also in a stay."""
    _, away = _access_shares(model := _draw(replace(PULSES, away_access_share=0.25)))
    home = np.cumsum(_shares(model)) <= 0.25 + 1e-9
    assert away[home].sum() == pytest.approx(0.8 * 0.75, abs=1e-5)


def test_pulses_stops_and_drift_reach_new_places() -> None:
    """Each stop is next to the one before; with drift another place is next round's first."""
    model = _draw(replace(PULSES, stops=2.0, drift_share=0.25))
    hot = _access_shares(model) > _shares(model) * 2
    rounds = hot.reshape(8, 3, -1)
    assert not np.any(rounds[:, 1] & rounds[:, 2])
    assert not np.any(rounds[0, 1] & rounds[1, 1])


def test_pulses_in_stripes_are_the_same_everywhere() -> None:
    """Every stripe holds its part of the pattern, so each has its part of the accesses."""
    model = _draw(replace(PULSES, stripes=4.0))
    below = np.concatenate(([0.0], np.cumsum(_access_shares(model)[1])))
    quarters = np.interp([0.25, 0.5, 0.75], model.border_bytes / model.footprint_bytes, below)
    np.testing.assert_allclose(quarters, [0.25, 0.5, 0.75], atol=1e-4)


def test_steered_cells_stay_apart() -> None:
    """Even cells are not merged, since their rates will differ; the first epoch is over at once."""
    model = _draw(Steered(cells=8.0, epochs=3.0, epoch_s=5.0))
    assert model.rate_hz.shape == (4, 8)
    np.testing.assert_allclose(model.epoch_s, [0.0, 0.01, 5.01, 10.01])
    assert np.all(model.rate_hz == 50.0)
