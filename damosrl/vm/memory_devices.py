"""What QEMU tells about memory that was plugged into a guest."""

from pathlib import Path
from typing import Any

from damosrl.vm import qmp

MIB = 2**20


def memory_devices(sock: Path) -> list[dict[str, Any]]:
    """List devices: ``id``, ``size`` in bytes, and what else their kind tells.

    Args:
        sock: The guest's control socket.

    Raises:
        VmError: QEMU does not answer.
    """
    answer = qmp.execute(sock, "query-memory-devices")
    return [dict(each["data"]) for each in answer] if isinstance(answer, list) else []
