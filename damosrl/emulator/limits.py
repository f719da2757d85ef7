"""How much work a document may make before a run is given up, and the errors that say so."""

from dataclasses import dataclass

from damosrl.emulator.state import REGIONS_FULL, TOO_MANY_CUTS, EngineState
from damosrl.errors import EmulatorLimitError


@dataclass(frozen=True, slots=True)
class WorkLimits:
    """Limits that a sane document never meets; past them a context stops with an error.

    The kernel has none of them: there such a document keeps a kdamond busy for seconds per pass.

    Args:
        cuts_per_pass: Pieces that one pass of the schemes may make by cutting regions. A quota
            whose rest is small cuts a region that filters reject into pieces of that rest, again
            and again (semantics 9).
        regions_per_second: Regions that a context may look at per emulated second, in access
            checks and passes together. Sampling each microsecond meets it at 1,000 regions.
    """

    cuts_per_pass: int = 1_000_000
    regions_per_second: int = 1_000_000_000

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if getattr(self, name) < 1:
                raise EmulatorLimitError(
                    f"limit {name} is too small", got=getattr(self, name), allowed=">= 1"
                )


def limit_error(state: EngineState, c: int) -> EmulatorLimitError:
    """Return the error that says which limit has stopped a context."""
    context = state.contexts[c]
    if context["status"] == REGIONS_FULL:
        capacity = state.regions.start.shape[1]
        return EmulatorLimitError(
            f"context {c} needs more regions than it may have",
            got=f"over {capacity} regions",
            allowed=f"{capacity}",
            fix="raise the region capacity, or lower max_nr_regions",
        )
    if context["status"] == TOO_MANY_CUTS:
        return EmulatorLimitError(
            f"context {c} cuts regions without end: a rest of a quota slices a region that "
            "filters reject",
            got=f"over {context['cut_limit']} pieces in one pass of the schemes",
            allowed=f"cuts_per_pass={context['cut_limit']}",
            fix="narrow the access pattern to what the filters let pass, or drop the quota",
        )
    return EmulatorLimitError(
        f"context {c} looks at regions too often",
        got=f"over {context['work_limit']} per emulated second with sample_us="
        f"{context['sample_us']}, aggr_us={context['aggr_us']} and "
        f"{state.regions.nr_regions[c]} regions",
        allowed=f"regions_per_second={context['work_limit']}",
        fix="raise sample_us, apply_interval_us or the watermarks' interval_us, or lower "
        "max_nr_regions",
    )
