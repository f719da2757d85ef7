"""A CXL type-3 device with volatile memory on QEMU's command line, and the QEMU that has it.

One host bridge, one root port, one device, one window of the device's size, as in QEMU's
documentation (docs/system/devices/cxl.rst, "directly attached CXL Type 3 Volatile Memory device").
Volatile devices came with QEMU 8.1 (its changelog, section CXL).
"""

import re

from damosrl.errors import VmError

SINCE = (8, 1)
"""First QEMU with ``volatile-memdev``; older ones have persistent devices only."""
_VERSION = re.compile(r"^QEMU emulator version (\d+)\.(\d+)", re.MULTILINE)


def cxl_words(size_mib: int) -> list[str]:
    """Build the words for one device.

    Its memory is shared as all memory is, since the file server reads and writes it.

    Args:
        size_mib: Its memory.
    """
    return [
        *("-object", f"memory-backend-memfd,id=cxl-mem0,size={size_mib}M,share=on"),
        *("-device", "pxb-cxl,bus_nr=12,bus=pcie.0,id=cxl.0"),
        *("-device", "cxl-rp,port=0,bus=cxl.0,id=cxl-port0,chassis=0,slot=2"),
        *("-device", "cxl-type3,bus=cxl-port0,volatile-memdev=cxl-mem0,id=cxl-device0"),
        *("-M", f"cxl-fmw.0.targets.0=cxl.0,cxl-fmw.0.size={size_mib}M"),
    ]


def require_cxl(told: str) -> None:
    """Refuse a QEMU without volatile CXL devices.

    Args:
        told: What ``qemu-system-x86_64 --version`` prints.

    Raises:
        VmError: It is too old, or does not tell.
    """
    found = _VERSION.search(told)
    if found is None or (int(found[1]), int(found[2])) < SINCE:
        raise VmError(
            "this QEMU has no CXL type-3 device with volatile memory",
            got=found[0] if found else "no version",
            allowed=f"QEMU {SINCE[0]}.{SINCE[1]} or newer",
            fix="take two-tier: to the kernel a node without processors, described by its "
            "latency, is the same kind of lower tier",
        )
