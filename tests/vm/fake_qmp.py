"""A QEMU that is only its control socket: balloon, virtio-mem and memory blocks, in a thread.

The answers have the form that QEMU 7.2 gave in a real run.
"""

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

MIB = 2**20


class FakeQemu:
    """State behind the socket.

    Args:
        boot_mib: Memory at boot.
        stuck_mib: The guest's virtio-mem device never gets below this.
    """

    def __init__(self, boot_mib: int = 1024, stuck_mib: int = 0) -> None:
        self.boot, self.taken, self.hot = boot_mib * MIB, 0, 0
        self.stuck = stuck_mib * MIB
        self.interval = 0
        self.objects: set[str] = set()
        self.blocks: list[str] = []
        self.held_blocks: set[str] = set()

    def answer(self, command: str, given: dict[str, Any]) -> Any:
        """Answer one command; a `KeyError` is a command that QEMU does not know."""
        return getattr(self, f"_{command.replace('-', '_')}")(**given)

    @property
    def largest(self) -> int:
        """Memory that the balloon counts."""
        return self.boot + 128 * MIB * len(self.blocks)

    def _qmp_capabilities(self) -> dict[str, Any]:
        return {}

    def _query_balloon(self) -> dict[str, Any]:
        return {"actual": self.largest - self.taken}

    def _query_memory_size_summary(self) -> dict[str, Any]:
        return {"base-memory": self.boot, "plugged-memory": self.largest - self.boot + self.hot}

    def _balloon(self, value: int) -> dict[str, Any]:
        self.taken = max(self.largest - value, 0)
        return {}

    def _qom_set(self, path: str, property: str, value: int) -> dict[str, Any]:  # noqa: A002
        if path.endswith("vmem0"):
            self.hot = max(value, min(self.stuck, self.hot))
        else:
            assert property == "guest-stats-polling-interval"
            self.interval = value
        return {}

    def _qom_get(self, path: str, property: str) -> dict[str, Any]:  # noqa: A002
        assert (path, property) == ("/machine/peripheral/balloon0", "guest-stats")
        names = ("stat-free-memory", "stat-available-memory", "stat-total-memory")
        told = dict.fromkeys(names, 512 * MIB)
        return {"stats": told, "last-update": 7 * self.interval}

    def _query_memory_devices(self) -> list[dict[str, Any]]:
        mem = {"id": "vmem0", "size": self.hot, "requested-size": self.hot}
        blocks = [{"id": name, "size": 128 * MIB, "slot": 0} for name in self.blocks]
        kinds = [("virtio-mem", mem), *(("dimm", block) for block in blocks)]
        return [{"type": kind, "data": data} for kind, data in kinds]

    def _object_add(self, id: str, **_: Any) -> dict[str, Any]:  # noqa: A002
        if id in self.objects:
            raise ValueError(f"attempt to add duplicate property '{id}'")
        self.objects.add(id)
        return {}

    def _object_del(self, id: str) -> dict[str, Any]:  # noqa: A002
        if id not in self.objects:
            raise ValueError(f"object '{id}' not found")
        self.objects.remove(id)
        return {}

    def _device_add(self, id: str, memdev: str, **_: Any) -> dict[str, Any]:  # noqa: A002
        assert memdev in self.objects
        self.blocks.append(id)
        return {}

    def _device_del(self, id: str) -> dict[str, Any]:  # noqa: A002
        if id not in self.held_blocks:
            self.blocks.remove(id)
        return {}

    def let_go(self) -> None:
        """Let a block that was asked to leave do so now."""
        self.blocks.remove(self.held_blocks.pop())


@contextmanager
def serve(sock: Path, qemu: FakeQemu) -> Iterator[Path]:
    """Answer on a socket, as QEMU does: a greeting, then one answer a line."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b'{"QMP": {"version": {}, "capabilities": []}}\n')
            for line in self.rfile:
                self.wfile.write(json.dumps(_reply(qemu, json.loads(line))).encode() + b"\n")
                self.wfile.flush()

    with socketserver.ThreadingUnixStreamServer(str(sock), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield sock
        finally:
            server.shutdown()
            thread.join()


def _reply(qemu: FakeQemu, request: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"return": qemu.answer(request["execute"], request.get("arguments", {}))}
    except ValueError as error:
        return {"error": {"class": "GenericError", "desc": str(error)}}
