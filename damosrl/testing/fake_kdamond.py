"""One kdamond of a fake tree: its commands, their errors and what they leave in the files.

Source: ``damon_sysfs_handle_cmd()`` of mm/damon/sysfs.c, kernel 7.3; semantics 4.2.
"""

import errno
from collections.abc import Callable, Sequence
from dataclasses import fields

from damosrl.damon import Context, Document, Ops, Stats
from damosrl.damon.features import is_before
from damosrl.errors import DocumentError
from damosrl.kernel.decode import document_of
from damosrl.kernel.tried import TriedRegion
from damosrl.testing.backend import Backend
from damosrl.testing.fake_files import Leaf
from damosrl.testing.fake_folders import Folder, leaf, subfolder, texts

ENOMEM_RULES = ("addresses-reversed", "range-reversed", "goal-needs-memcg", "filter-argument")
"""Broken rules inside a scheme, which the kernel answers with ENOMEM whatever they are."""
INTERVALS = "contexts/0/monitoring_attrs/intervals"
ANSWERED_SINCE = "6.15"
"""First kernel that answers a refused commit; an older one says nothing and ends the kdamond."""


class FakeKdamond:
    """What stands behind one ``kdamonds/<k>`` folder.

    Args:
        folder: Its files.
        index: Its number.
        version: Kernel.
        backend: Who monitors.
        may_start: Raises OSError where an exclusive module runs.
        lives: Tells whether there is a process of this id.
        has_group: Tells whether there is a control group of this path.
        next_pid: Returns the process id of the next thread.
    """

    def __init__(
        self,
        folder: Folder,
        index: int,
        version: str,
        backend: Backend,
        may_start: Callable[[], None],
        lives: Callable[[int], bool],
        has_group: Callable[[str], bool],
        next_pid: Callable[[], int],
    ) -> None:
        self.folder = folder
        self.running = False
        self._index = index
        self._version = version
        self._backend = backend
        self._may_start = may_start
        self._lives = lives
        self._has_group = has_group
        self._next_pid = next_pid
        self._started: Document | None = None
        self._commands = {
            "on": self._on,
            "off": self._off,
            "commit": self._commit,
            "commit_schemes_quota_goals": self._commit_goals,
            "update_schemes_stats": self._update_stats,
            "update_schemes_effective_quotas": self._update_effective,
            "update_tuned_intervals": self._update_intervals,
            "update_schemes_tried_bytes": self._update_tried_bytes,
            "update_schemes_tried_regions": self._update_tried,
            "clear_schemes_tried_regions": self._clear_tried,
        }

    def obey(self, command: str) -> None:
        """Serve a word written to ``state``.

        Raises:
            OSError: With the kernel's error number.
        """
        if command != "off" and self._text("contexts/nr_contexts") != "1":
            raise OSError(errno.EINVAL, "a kdamond runs one context")
        old = is_before(self._version, ANSWERED_SINCE)
        if old and not self.running and command not in ("on", "off"):
            raise OSError(errno.EINVAL, "it does not run")
        try:
            self._commands[command]()
        except OSError:
            if not (old and command.startswith("commit")):
                raise
            self.end()

    def end(self) -> None:
        """End as a kdamond does whose processes are gone; it must run."""
        self._backend.stop(self._index)
        self.running = False
        leaf(self.folder, "pid").text = "-1"

    def _on(self) -> None:
        if self.running:
            raise OSError(errno.EBUSY, "it runs")
        document = self._document()
        self._require_processes(document.kdamonds[0].contexts[0])
        self._may_start()
        self._backend.start(document, self._index)
        self._started = document
        self.running = True
        leaf(self.folder, "pid").text = str(self._next_pid())

    def _off(self) -> None:
        if self._started is None:
            raise OSError(errno.EINVAL, "it was never started")
        if self.running:
            self.end()
        elif is_before(self._version, "7.3"):
            raise OSError(errno.EPERM, "it has stopped")

    def _commit(self) -> None:
        context = self._context()
        document = self._document()
        new = document.kdamonds[0].contexts[0]
        self._require_processes(new)
        if any(item.obsolete for item in new.targets[_targets_left(context) :]):
            raise OSError(errno.EINVAL, "no such target to drop")
        self._backend.commit(document, self._index)
        self._started = document

    def _commit_goals(self) -> None:
        self._context()
        document = self._document()
        self._backend.commit_goals(document, self._index)
        self._started = document

    def _update_stats(self) -> None:
        self._context()
        for scheme, stats in zip(self._schemes(), self._backend.stats(self._index), strict=False):
            kept = subfolder(scheme, "stats")
            for item in fields(Stats):
                file = kept.get(item.name)
                if isinstance(file, Leaf) and file.parse is None:
                    file.text = str(getattr(stats, item.name))

    def _update_effective(self) -> None:
        self._context()
        sizes = self._backend.effective_bytes(self._index)
        for scheme, size_bytes in zip(self._schemes(), sizes, strict=False):
            leaf(scheme, "quotas/effective_bytes").text = str(size_bytes)

    def _update_intervals(self) -> None:
        times = self._context().attrs.intervals
        tuned = self._backend.tuned_intervals(self._index) or (times.sample_us, times.aggr_us)
        for name, value_us in zip(("sample_us", "aggr_us"), tuned, strict=True):
            leaf(self.folder, f"{INTERVALS}/{name}").text = str(value_us)

    def _update_tried_bytes(self) -> None:
        for scheme, regions in self._tried():
            leaf(scheme, "tried_regions/total_bytes").text = str(_size(regions))

    def _update_tried(self) -> None:
        found = self._tried()
        self._clear_tried()
        for scheme, regions in found:
            leaf(scheme, "tried_regions/total_bytes").text = str(_size(regions))
            folder = subfolder(scheme, "tried_regions")
            folder |= {str(at): self._region(item) for at, item in enumerate(regions)}

    def _clear_tried(self) -> None:
        for scheme in self._schemes():
            folder = subfolder(scheme, "tried_regions")
            for name in [name for name in folder if name.isdecimal()]:
                del folder[name]
            leaf(folder, "total_bytes").text = "0"

    def _tried(self) -> list[tuple[Folder, Sequence[TriedRegion]]]:
        context = self._context()
        if context.pause or not context.schemes:
            raise OSError(errno.ECANCELED, "no pass will come")
        regions = self._backend.tried_regions(self._index)
        return list(zip(self._schemes(), regions, strict=False))

    def _region(self, region: TriedRegion) -> Folder:
        names = ["start", "end", "nr_accesses", "age"]
        if not is_before(self._version, "6.14"):
            names.append("sz_filter_passed")
        folder: Folder = {name: Leaf(str(getattr(region, name))) for name in names}
        if not is_before(self._version, "7.2"):
            folder["probes"] = {
                str(at): {"hits": Leaf(str(hits))} for at, hits in enumerate(region.probe_hits)
            }
        return folder

    def _context(self) -> Context:
        """Return what runs; refuse commands that need a running kdamond."""
        if self._started is None:
            raise OSError(errno.EINVAL, "it was never started")
        if not self.running:
            raise OSError(errno.ECANCELED, "it has stopped")
        return self._started.kdamonds[0].contexts[0]

    def _document(self) -> Document:
        """Read the files as a document of this kdamond alone, refused as the kernel does."""
        own = {f"kdamonds/0/{path}": text for path, text in texts(self.folder).items()}
        try:
            document = document_of({"kdamonds/nr_kdamonds": "1", **own})
        except DocumentError as error:
            raise OSError(_errno_of(error), str(error)) from error
        self._require_groups(document)
        return document

    def _require_groups(self, document: Document) -> None:
        """Refuse paths without a group, as ``damon_sysfs_memcg_path_to_id()`` does by ENOMEM."""
        for scheme in document.kdamonds[0].contexts[0].schemes:
            for path in scheme.memcg_paths:
                if not self._has_group(path):
                    raise OSError(errno.ENOMEM, f"no control group {path}")

    def _require_processes(self, context: Context) -> None:
        targets = () if context.ops is Ops.PADDR else context.targets
        if not all(self._lives(target.pid or 0) for target in targets):
            raise OSError(errno.EINVAL, "no such process")

    def _schemes(self) -> list[Folder]:
        folder = subfolder(self.folder, "contexts/0/schemes")
        return [node for node in folder.values() if isinstance(node, dict)]

    def _text(self, path: str) -> str:
        return leaf(self.folder, path).text


def _errno_of(error: DocumentError) -> int:
    rule = (error.rule or "").partition(" ")[0]
    return errno.ENOMEM if rule in ENOMEM_RULES else errno.EINVAL


def _targets_left(context: Context) -> int:
    return sum(not target.obsolete for target in context.targets)


def _size(regions: Sequence[TriedRegion]) -> int:
    return sum(region.end - region.start for region in regions)
