"""Filters: memory that a scheme lets pass or leaves out, besides its access pattern."""

from dataclasses import dataclass
from enum import StrEnum

from damosrl.damon.checks import I32_MAX, require_integer, require_member
from damosrl.damon.ranges import AddressRange, Range
from damosrl.damon.refusals import refusal


class FilterLayer(StrEnum):
    """Who evaluates a filter: the core per region, or the operation set per folio."""

    CORE = "core"
    OPS = "ops"


class FilterType(StrEnum):
    """Kinds of memory a filter knows (kernel 7.3)."""

    ANON = "anon"
    ACTIVE = "active"
    MEMCG = "memcg"
    YOUNG = "young"
    HUGEPAGE_SIZE = "hugepage_size"
    UNMAPPED = "unmapped"
    ADDR = "addr"
    TARGET = "target"

    @property
    def layer(self) -> FilterLayer:
        """Who evaluates filters of this type."""
        core = self in (FilterType.ADDR, FilterType.TARGET)
        return FilterLayer.CORE if core else FilterLayer.OPS


ARGUMENT_OF = {
    FilterType.MEMCG: "memcg_path",
    FilterType.ADDR: "address_range",
    FilterType.TARGET: "damon_target_idx",
    FilterType.HUGEPAGE_SIZE: "hugepage_size",
}
"""The one argument of those filter types that take one."""


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter; it fires where (memory is of the type) == ``matching``.

    Args:
        filter_type: Kind of memory.
        matching: Fire on memory of that kind (True) or on all other (False).
        allow: What firing does: let pass (True) or exclude (False).
        memcg_path: For ``memcg``: path from the hierarchy's root.
        address_range: For ``addr``: core addresses.
        damon_target_idx: For ``target``: position in the context's targets.
        hugepage_size: For ``hugepage_size``: folio sizes, bytes, closed.

    Raises:
        DocumentError: The type's argument is missing, or another type's is given.
    """

    filter_type: FilterType
    matching: bool = True
    allow: bool = False
    memcg_path: str | None = None
    address_range: AddressRange | None = None
    damon_target_idx: int | None = None
    hugepage_size: Range | None = None

    def __post_init__(self) -> None:
        require_member("filter_type", self.filter_type, FilterType)
        if self.damon_target_idx is not None:
            require_integer("damon_target_idx", self.damon_target_idx, high=I32_MAX)
        wanted = ARGUMENT_OF.get(self.filter_type)
        for name in ARGUMENT_OF.values():
            given = getattr(self, name) is not None
            if given != (name == wanted):
                raise refusal(
                    "filter-argument",
                    f"filter {self.filter_type} "
                    + ("does not take" if given else "needs")
                    + f" {name}",
                    allowed=wanted or "no argument",
                    fix=f"{'remove' if given else 'add'} {name}",
                )

    @property
    def layer(self) -> FilterLayer:
        """Who evaluates it; core filters come first."""
        return self.filter_type.layer
