"""How long telemetry has been unusable, and whether it is trusted again."""


class Trust:
    """Gives telemetry up after bad readings in a row, and takes it back after as many good ones.

    Args:
        patience: Readings in a row.

    Example:
        >>> trust = Trust(patience=2)
        >>> for usable in (True, False, False):
        ...     trust.tell(usable=usable)
        >>> trust.given_up
        True
    """

    def __init__(self, patience: int) -> None:
        self._patience = patience
        self._in_a_row = 0
        self._usable = True
        self.given_up = False
        """Whether the kernel's loop has to take over."""

    def tell(self, *, usable: bool) -> None:
        """Take in whether the last reading was usable."""
        self._in_a_row = self._in_a_row + 1 if usable == self._usable else 1
        self._usable = usable
        if self._in_a_row >= self._patience:
            self.given_up = not usable
