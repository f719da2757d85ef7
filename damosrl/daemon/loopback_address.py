"""Addresses that only this machine reaches."""

import ipaddress

from damosrl.errors import ConfigError

DEFAULT_HOST = "127.0.0.1"
MAX_PORT = 65535


def loopback_address(text: str) -> tuple[str, int]:
    """Read ``PORT`` or ``HOST:PORT``.

    Raises:
        ConfigError: It is neither, or the host is not one of 127.0.0.0/8.

    Example:
        >>> loopback_address("9184")
        ('127.0.0.1', 9184)
    """
    host, colon, port = text.rpartition(":")
    host = host if colon else DEFAULT_HOST
    if not (port.isascii() and port.isdecimal() and int(port) <= MAX_PORT):
        raise ConfigError("not a port for metrics", got=text, allowed=f"0..{MAX_PORT}")
    try:
        is_ours = ipaddress.IPv4Address(host).is_loopback
    except ipaddress.AddressValueError:
        is_ours = False
    if not is_ours:
        raise ConfigError(
            "metrics are served to this machine only",
            got=host,
            allowed=DEFAULT_HOST,
            fix="give only the port; let a proxy or an agent of your monitoring carry it further",
        )
    return host, int(port)
