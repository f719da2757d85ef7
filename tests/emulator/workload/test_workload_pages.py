"""Page classes by share of the address space."""

import numpy as np
import pytest

from damosrl.emulator.workload.model import PageClass, Workload
from damosrl.emulator.workload.source import workload_source
from damosrl.errors import DamosrlError, WorkloadError

MIB = 1 << 20
SPEC = {
    "access": {"kind": "zipf", "clumps": 10},
    "footprint": "1 GiB",
    "pages": {
        "blocks": 10,
        "classes": [
            {"share": 0.75, "memcg": "/app", "folio": "2 MiB"},
            {"share": 0.25, "kind": "file", "mapped": False},
        ],
    },
}


def _draw(seed: int = 0) -> Workload:
    return workload_source(SPEC).draw(np.random.default_rng(seed))


def test_shares_are_kept_and_places_drawn() -> None:
    """Ten blocks at 3 to 1 are eight and two, at places that the generator says."""
    layouts = [_draw(seed).pages for seed in range(4)]
    kinds = [tuple(page.kind for page in layout.classes) for layout in layouts if layout]
    assert all(sorted(each) == ["anon"] * 8 + ["file"] * 2 for each in kinds)
    assert len(set(kinds)) > 1
    assert kinds[0] == tuple(page.kind for page in _draw(0).pages.classes)  # type: ignore[union-attr]


def test_accesses_stay_what_they_were() -> None:
    """Pieces are cut at the borders of blocks; every address keeps its rate."""
    with_pages = _draw()
    plain = workload_source({key: value for key, value in SPEC.items() if key != "pages"})
    before, after = plain.draw(np.random.default_rng(0)).access, with_pages.access
    assert with_pages.pages is not None
    assert np.isin(with_pages.pages.border_bytes, after.border_bytes).all()
    places = after.border_bytes[:-1]
    old = np.searchsorted(before.border_bytes, places, side="right") - 1
    assert np.array_equal(after.rate_hz, before.rate_hz[:, old])


def test_classes_are_found_by_address() -> None:
    """The last byte of a block has the class of its first."""
    layout = _draw().pages
    assert layout is not None
    starts, ends = layout.border_bytes[:-1], layout.border_bytes[1:] - 1
    assert layout.at(starts) == layout.at(ends) == list(layout.classes)


@pytest.mark.parametrize("folio", ["3 MiB", "2 KiB", "2 GiB", 0, "many"])
def test_odd_folios_are_refused(folio: str | int) -> None:
    """Folios are powers of two from 4 KiB to 1 GiB."""
    with pytest.raises(WorkloadError, match="folio"):
        PageClass(folio=folio)


@pytest.mark.parametrize(
    "pages",
    [
        {"classes": [{"share": 0}]},
        {"classes": []},
        {"classes": [{"share": -1}]},
        {"blocks": 0, "classes": [{}]},
        {"classes": [{"kind": "shared"}]},
        {"classes": [{"colour": "red"}]},
    ],
)
def test_wrong_classes_are_refused(pages: dict[str, object]) -> None:
    """Shares, kinds and keys that make no sense are named."""
    with pytest.raises(DamosrlError):
        workload_source({**SPEC, "pages": pages})


def test_a_workload_says_what_its_pages_are() -> None:
    """The description has shares, groups and folio sizes."""
    text = workload_source(SPEC).describe()
    assert (
        "75 % anon in /app, folios of 2048 KiB; 25 % file in /, folios of 4 KiB, unmapped" in text
    )
