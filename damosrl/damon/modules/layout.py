"""Where a machine's physical memory lies, as far as modules ask for it."""

from dataclasses import dataclass
from itertools import pairwise

from damosrl.damon.ranges import AddressRange
from damosrl.errors import MachineError


@dataclass(frozen=True, slots=True)
class PhysicalLayout:
    """What ``/proc/iomem`` and the memory nodes say, bytes.

    Args:
        system_ram: "System RAM" resources, ascending and disjoint.
        nodes: Address span of each memory node, by node id.
        biggest_only: Modules watch the biggest resource only, as kernels up to 6.18 do.

    Raises:
        MachineError: A range is empty, or resources overlap or are unsorted.

    Example:
        >>> PhysicalLayout((AddressRange(0, 4096), AddressRange(8192, 16384))).monitored()
        AddressRange(start=0, end=16384)
    """

    system_ram: tuple[AddressRange, ...] = ()
    nodes: tuple[AddressRange, ...] = ()
    biggest_only: bool = False

    def __post_init__(self) -> None:
        for kind, ranges in (("System RAM", self.system_ram), ("a memory node", self.nodes)):
            for span in ranges:
                if not span.size:
                    raise MachineError(
                        f"{kind} is empty", got=f"{span.start}-{span.end}", allowed="START < END"
                    )
        for left, right in pairwise(self.system_ram):
            if left.end > right.start:
                raise MachineError(
                    "System RAM ranges overlap or are unsorted",
                    got=f"{left.start}-{left.end} before {right.start}-{right.end}",
                    allowed="ascending, disjoint ranges",
                    fix="sort or merge them",
                )

    def monitored(self) -> AddressRange:
        """Return what modules watch by default, bytes (semantics 1.5).

        From the start of the first resource to the end of the last one, holes included; of
        resources that are equally large, the first is the biggest.

        Raises:
            MachineError: No System RAM is known.
        """
        if not self.system_ram:
            raise MachineError(
                "the module watches all System RAM, and none is known",
                fix="give its range, for example --ram 0-4G",
            )
        if self.biggest_only:
            return max(self.system_ram, key=lambda span: span.size)
        return AddressRange(self.system_ram[0].start, self.system_ram[-1].end)
