"""Train, compare and deploy tuners for Linux DAMON/DAMOS memory tiering."""

__version__ = "0.1.0"
