"""QEMU's control socket: one JSON object a line (QEMU machine protocol)."""

import json
import os
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path

from damosrl.errors import VmError


def execute(
    sock: Path, command: str, arguments: Mapping[str, object] | None = None, timeout_s: float = 10.0
) -> object:
    """Run one command and return its answer.

    Args:
        sock: The control socket.
        command: A name such as ``query-status`` or ``quit``.
        arguments: Its arguments.
        timeout_s: Time limit for each answer.

    Raises:
        VmError: Nobody answers, or QEMU refuses the command.
    """
    folder = os.open(sock.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(timeout_s)
            connection.connect(f"/proc/self/fd/{folder}/{sock.name}")  # short, whatever the path
            with connection.makefile("rwb") as stream:
                stream.readline()  # greeting
                for name, values in (("qmp_capabilities", None), (command, arguments)):
                    request = {"execute": name} | ({"arguments": values} if values else {})
                    stream.write(json.dumps(request).encode() + b"\n")
                    stream.flush()
                    answer = _answer(stream, command)
                return answer
    except OSError as error:
        raise VmError("the guest's control socket does not answer", got=error.strerror) from error
    finally:
        os.close(folder)


def _answer(stream: Iterable[bytes], command: str) -> object:
    for line in stream:
        message = json.loads(line)
        if "error" in message:
            raise VmError("QEMU refused a command", got=f"{command}: {message['error']['desc']}")
        if "return" in message:
            return message["return"]
    raise VmError("the guest's control socket was closed", got=command)
