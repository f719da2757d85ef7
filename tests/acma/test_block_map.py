"""The block map shows every block once, the kernel at the bottom and ACMA's stack on top."""

from collections.abc import Callable

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from damosrl.acma.blockmap import KINDS, BlockKind, block_map
from damosrl.acma.machine import AcmaHosts, new_knobs
from damosrl.acma.state import QUOTAS
from damosrl.experiment.report.figures.filmstrip import COLOURS, filmstrip

MakeHosts = Callable[..., AcmaHosts]


@settings(max_examples=10, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(st.integers(0, 1000), st.integers(1, 20))
def test_every_block_is_on_the_map_once(make_hosts: MakeHosts, seed: int, seconds: int) -> None:
    """Kinds on the map are as many as the counts say, with the stack above all else."""
    hosts = make_hosts({}, {"high": 0.3, "unmovable_end": 0.05, "scatter": 1.0}, seed=seed)
    knobs = new_knobs(1)
    knobs["rule"], knobs["target"], knobs["quota_ms"] = QUOTAS, 1.0, (0.0, 20.0, 0.0)
    hosts.set_knobs(knobs)
    hosts.run(float(seconds))
    counts, guest = hosts.state.counts[0, 0], hosts.state.guests[0, 0]
    blocks = block_map(counts, guest)
    kinds = np.bincount(KINDS, weights=counts, minlength=len(BlockKind))
    assert np.array_equal(np.bincount(blocks, minlength=len(BlockKind)), kinds)
    given_places = np.flatnonzero(blocks == BlockKind.GIVEN)
    stack = int(kinds[BlockKind.GIVEN]) + int(guest["stranded"])
    assert (given_places >= len(blocks) - stack).all()
    assert (blocks[: int(guest["anchored"])] == BlockKind.UNMOVABLE).all()


def test_an_unchanged_guest_has_an_unchanged_map(make_hosts: MakeHosts) -> None:
    """Two maps of one state are equal: places are drawn once."""
    hosts = make_hosts()
    counts, guest = hosts.state.counts[0, 0], hosts.state.guests[0, 0]
    assert np.array_equal(block_map(counts, guest), block_map(counts, guest))


def test_the_filmstrip_has_a_picture_per_tuner_and_moment() -> None:
    """Every kind has a colour of its own, every map a picture."""
    maps = [np.zeros(128, np.int64), np.ones(128, np.int64)]
    figure = filmstrip({"a": maps, "b": maps, "c": maps}, [0, 60], "title")
    assert len(figure.axes) == 6
    assert len({colour for colour, _ in COLOURS.values()}) == len(BlockKind)
