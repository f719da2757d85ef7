"""The test generator and the kernel's uniform draw (FORMAT section 3, semantics 1.6)."""

from dataclasses import dataclass

from damosrl.emulator.conformance.reference.integers import U32_MAX, u64

MULTIPLIER = 6364136223846793005
INCREMENT = 1442695040888963407


@dataclass(slots=True)
class Generator:
    """A 64-bit linear congruential generator (Knuth, MMIX); a draw is its high half.

    Args:
        x: State.
        draws: Number of 32-bit draws so far.
    """

    x: int
    draws: int = 0

    def draw(self) -> int:
        """Return 32 random bits."""
        self.x = u64(self.x * MULTIPLIER + INCREMENT)
        self.draws += 1
        return self.x >> 32

    def rand(self, low: int, high: int) -> int:
        """Return a number in [low, high); a span above 32 bit takes two draws, high half first.

        Example:
            >>> Generator(42).rand(1, 8589934593)
            4881061339
        """
        span = u64(high - low)
        if span <= U32_MAX:
            return u64(low + (self.draw() * span >> 32))
        bits = self.draw() << 32
        bits += self.draw()
        return u64(low + (bits * span >> 64))
