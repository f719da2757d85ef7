"""Kernel modules with few knobs, as presets that expand into kdamonds documents (kernel 7.3)."""

from collections.abc import Mapping

from damosrl.damon.modules.layout import PhysicalLayout
from damosrl.damon.modules.lru_sort import DamonLruSort
from damosrl.damon.modules.module import Module
from damosrl.damon.modules.mtier import Mtier
from damosrl.damon.modules.parameters import describe, make_module, split_words
from damosrl.damon.modules.prcl import Prcl
from damosrl.damon.modules.reclaim import DamonReclaim
from damosrl.damon.modules.stat import DamonStat
from damosrl.damon.modules.wsse import Wsse

MODULES: Mapping[str, type[Module]] = {
    kind.NAME: kind for kind in (DamonReclaim, DamonLruSort, DamonStat, Mtier, Prcl, Wsse)
}
"""Modules by name: three of mm/damon, three of samples/damon."""

__all__ = [
    "MODULES",
    "DamonLruSort",
    "DamonReclaim",
    "DamonStat",
    "Module",
    "Mtier",
    "PhysicalLayout",
    "Prcl",
    "Wsse",
    "describe",
    "make_module",
    "split_words",
]
