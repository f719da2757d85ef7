"""How small and how large a guest may be made: never below what it works with.

A balloon or an unplugged block that takes what programs work with makes the guest kill them. The
smallest allowed size is therefore what is in use now, a reserve beside it.
"""

from dataclasses import dataclass

from damosrl.errors import ConfigError
from damosrl.vm.resizable import BLOCK_MIB


@dataclass(frozen=True, slots=True)
class SizeLimits:
    """Limits on a guest's size.

    Args:
        minimum_mib: Never below this.
        maximum_mib: Never above this.
        reserve_mib: What stays available to programs beside what is in use.
        step_mib: The most by which one decision may shrink the guest; growing is not limited.

    Raises:
        ConfigError: The minimum is above the maximum, or a limit is negative.

    Example:
        >>> SizeLimits(256, 1024, reserve_mib=64).allowed(300, size_mib=1024, in_use_mib=400)
        464
    """

    minimum_mib: int
    maximum_mib: int
    reserve_mib: int = BLOCK_MIB
    step_mib: int = 1 << 30

    def __post_init__(self) -> None:
        if self.minimum_mib > self.maximum_mib:
            raise ConfigError(
                "a guest's smallest size is above its largest",
                got=f"{self.minimum_mib} MiB > {self.maximum_mib} MiB",
                allowed="minimum <= maximum",
                fix="raise the maximum or lower the minimum",
            )
        if min(self.minimum_mib, self.reserve_mib, self.step_mib) < 0:
            raise ConfigError("a limit on a guest's size is negative", allowed=">= 0 MiB")

    def allowed(self, asked_mib: int, *, size_mib: int, in_use_mib: int) -> int:
        """Return the size nearest to what is asked for that may be given.

        A guest that is short already grows. The maximum comes first: it is the host's.

        Args:
            asked_mib: The size asked for.
            size_mib: The size now.
            in_use_mib: What programs and kernel cannot do without now.
        """
        floor = max(self.minimum_mib, in_use_mib + self.reserve_mib, size_mib - self.step_mib)
        return min(max(asked_mib, floor), self.maximum_mib)
