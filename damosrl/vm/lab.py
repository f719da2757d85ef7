"""The lab's folder: built kernels and running guests, and nothing outside it."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from damosrl.errors import VmError

KERNELS = ("newest", "6.12")
"""Names of the kernels that can be built; ``newest`` is the newest the distribution has."""


@dataclass(frozen=True, slots=True)
class BootFiles:
    """What a guest boots from.

    Args:
        version: The kernel's release, as ``uname -r`` prints it.
        kernel: Compressed kernel image.
        initrd: Initial RAM file system.
    """

    version: str
    kernel: Path
    initrd: Path


@dataclass(frozen=True, slots=True)
class Lab:
    """Paths below the lab's folder.

    Args:
        root: The folder; created by ``damosrl vm build``.

    Example:
        >>> Lab(Path("/srv/lab")).guest("default")
        PosixPath('/srv/lab/guests/default')
    """

    root: Path

    @classmethod
    def default(cls) -> "Lab":
        """Return the lab in the user's cache folder."""
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        return cls(cache / "damosrl/vm")

    @property
    def apt(self) -> Path:
        """The private package lists and downloads."""
        return self.root / "apt"

    def kernel(self, version: str) -> Path:
        """Return the folder of one kernel release."""
        return self.root / "kernels" / version

    def guest(self, name: str) -> Path:
        """Return the folder of one guest.

        Raises:
            VmError: The name would leave the folder of guests.
        """
        if not name or not name.replace("-", "").replace("_", "").isalnum():
            raise VmError(
                "this cannot be a guest's name",
                got=repr(name),
                allowed="letters, digits, - and _",
                fix="give --name default",
            )
        return self.root / "guests" / name

    def guests(self) -> list[str]:
        """List the names of guests that have a folder."""
        folder = self.root / "guests"
        return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []

    def built(self) -> dict[str, str]:
        """Return the releases built so far, by the names of `KERNELS`."""
        file = self.root / "kernels.json"
        return dict(json.loads(file.read_text())) if file.exists() else {}

    def remember(self, name: str, version: str) -> None:
        """Note that a kernel has been built completely."""
        text = json.dumps(self.built() | {name: version}, indent=2)
        draft = self.root / "kernels.json.tmp"
        draft.write_text(text + "\n")
        draft.replace(self.root / "kernels.json")

    @property
    def uses_kvm(self) -> bool | None:
        """Whether a trial boot with hardware virtualisation succeeded; None before the trial."""
        file = self.root / "accelerator"
        return file.read_text().strip() == "kvm" if file.exists() else None

    def remember_kvm(self, *, works: bool) -> None:
        """Note the outcome of the trial boot."""
        (self.root / "accelerator").write_text("kvm\n" if works else "tcg\n")

    def boot_files(self, name: str = "newest") -> BootFiles:
        """Find what a guest with this kernel boots from.

        Raises:
            VmError: This kernel has not been built.
        """
        version = self.built().get(name)
        if version is None:
            raise VmError(
                "this kernel has not been built",
                got=name,
                allowed=", ".join(self.built()) or "none yet",
                fix=f"run `damosrl vm build --kernel {name}`",
            )
        folder = self.kernel(version)
        return BootFiles(version, folder / "vmlinuz", folder / "initrd.gz")
