"""Kinds of files in a fake sysfs: what a write of each accepts, and with what error it refuses.

The rules are those of ``kstrtoul()`` and its kin, ``kstrtobool()`` and ``sysfs_streq()`` (kernel
7.3, lib/kstrtox.c and mm/damon/sysfs*.c; semantics 4.1).
"""

import errno
import re
from collections.abc import Callable
from dataclasses import dataclass

U32_MAX = 2**32 - 1
U64_MAX = 2**64 - 1
I32_MIN, I32_MAX = -(2**31), 2**31 - 1

_NUMBER = re.compile(r"([+-]?)(0[xX][0-9a-fA-F]+|[0-9]+)\n?")
_YES = re.compile(r"[yYtT1]|[oO][nN]")
_NO = re.compile(r"[nNfF0]|[oO][fF]")

Parse = Callable[[str], str]
"""Turns what is written into what is read back; raises OSError as the kernel would."""


@dataclass(slots=True)
class Leaf:
    """One file.

    Args:
        text: What it holds, without the newline that reading adds.
        parse: Takes a write; None for a file that can only be read.
        stored: Called after an accepted write, with the new text; may refuse it.
    """

    text: str
    parse: Parse | None = None
    stored: Callable[[str], None] | None = None

    def write(self, written: str) -> None:
        """Take a write; one of nothing does nothing (``sysfs_kf_write()``).

        Raises:
            OSError: With the kernel's error number; the text is as before.
        """
        if self.parse is None:
            raise OSError(errno.EACCES, "read only")
        if not written:
            return
        text = self.parse(written)
        if self.stored is not None:
            self.stored(text)
        self.text = text


def number(low: int = 0, high: int = U64_MAX, *, always_einval: bool = False) -> Parse:
    """Return the parser of an integer file: decimal, 0x... or octal 0..., one newline at most.

    Args:
        low: Smallest value; from 0 on, signs are refused as of an unsigned type.
        high: Largest value.
        always_einval: Whether values out of range give EINVAL instead of ERANGE.

    Example:
        >>> number()("0x10"), number()("010")
        ('16', '8')
    """

    def parse(written: str) -> str:
        match = _NUMBER.fullmatch(written)
        if match is None or (match[1] == "-" and low >= 0):
            raise OSError(errno.EINVAL, "no number of this type")
        value = int(f"{match[1]}{int(match[2], _base(match[2]))}")
        if not low <= value <= high:
            raise OSError(errno.EINVAL if always_einval else errno.ERANGE, "out of range")
        return str(value)

    return parse


def _base(digits: str) -> int:
    if digits[:2] in ("0x", "0X"):
        return 16
    if digits[0] == "0" and len(digits) > 1:
        if not set(digits) <= set("01234567"):
            raise OSError(errno.EINVAL, "no octal number")
        return 8
    return 10


def counter(highest: int = I32_MAX) -> Parse:
    """Return the parser of an ``nr_*`` file: a signed type of which negative values are refused."""
    signed = number(I32_MIN, I32_MAX)

    def parse(written: str) -> str:
        text = signed(written)
        if not 0 <= int(text) <= highest:
            raise OSError(errno.EINVAL, "no such number of folders")
        return text

    return parse


def flag(written: str) -> str:
    """Take a truth value by its first letters.

    Example:
        >>> flag("yes"), flag("off")
        ('Y', 'N')
    """
    if _YES.match(written):
        return "Y"
    if _NO.match(written):
        return "N"
    raise OSError(errno.EINVAL, "neither true nor false")


def word(*words: str) -> Parse:
    """Return the parser of a file that takes exactly one of the words, with or without newline."""

    def parse(written: str) -> str:
        text = written.removesuffix("\n")
        if text not in words:
            raise OSError(errno.EINVAL, "unknown word")
        return text

    return parse


def text(written: str) -> str:
    """Take any text."""
    return written.removesuffix("\n")
