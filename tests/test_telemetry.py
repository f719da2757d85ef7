"""The telemetry of worlds without DAMON: what is not told is missing, by name."""

from dataclasses import fields

import numpy as np

from damosrl.machine import TOLD_BY, Source, Telemetry


def test_every_source_has_the_field_that_it_fills() -> None:
    """A source that is added is thought of here."""
    assert set(TOLD_BY) == set(Source)
    assert set(TOLD_BY.values()) <= {field.name for field in fields(Telemetry)}


def test_what_is_told_is_not_missing() -> None:
    """A bare world lacks every source; one that tells its nodes lacks the others."""
    assert set(Telemetry.bare(np.zeros(3)).missing) == set(Source)
    told = Telemetry.bare(np.zeros(3), node_total_bytes=np.ones((3, 2)))
    assert set(told.missing) == set(Source) - {Source.NODES}
    assert told.snapshot.start.shape == (3, 0, 0)
    assert np.isnan(told.pressure.some_avg).all()
