"""Checks that tuners of guests share."""

from damosrl.errors import ConfigError


def require_target(percent: float) -> None:
    """Refuse a pressure target of 0 or above 100 %.

    Raises:
        ConfigError: It is.
    """
    if not 0.0 < percent <= 100.0:
        raise ConfigError(
            "pressure_percent is out of range",
            got=percent,
            allowed="above 0 and up to 100 % of the time",
            fix="give 0.1, which is the RFC's 1000 us per second",
        )
