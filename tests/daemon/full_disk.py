"""A disk that is full at a given size of file, by the kernel's own limit for this process."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def files_end_at(size: int) -> Iterator[None]:
    """Let the kernel cut every write that would make a file longer, then refuse it.

    As on a full disk, the write that meets the limit is cut, and the next one refused. (Python
    ignores SIGXFSZ, so that the refusal arrives as EFBIG.)
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
