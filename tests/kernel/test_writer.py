"""Writes that may block: bounded, in order, by one thread that ends with its owner."""

import gc
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from damosrl.errors import KernelError
from damosrl.kernel.writer import BoundedWriter, LateError


@pytest.fixture
def unblock() -> Iterator[threading.Event]:
    """Return what lets blocked work go on, set at the end of the test."""
    event = threading.Event()
    yield event
    event.set()


def test_work_is_done_before_the_call_returns() -> None:
    """One piece after the other, each by the same thread."""
    writer, done = BoundedWriter(), list[threading.Thread]()
    for count in range(1, 4):
        writer.run(lambda: done.append(threading.current_thread()), 1.0)
        assert len(done) == count
    assert len(set(done)) == 1
    assert done[0] is not threading.current_thread()


@pytest.mark.parametrize("error", [KernelError("refused"), ZeroDivisionError()])
def test_an_error_is_the_callers(error: Exception) -> None:
    """What the work raises goes on in the caller, and the thread serves the next."""
    writer = BoundedWriter()

    def fail() -> None:
        raise error

    with pytest.raises(type(error)):
        writer.run(fail, 1.0)
    writer.run(lambda: None, 1.0)


def test_blocked_work_is_waited_for_as_long_as_told(unblock: threading.Event) -> None:
    """The limit ends the wait, and says that the work goes on."""
    writer = BoundedWriter()
    start = time.monotonic()
    with pytest.raises(LateError) as late:
        writer.run(unblock.wait, 0.05)
    assert late.value.begun
    assert 0.05 <= time.monotonic() - start < 1.0


def test_work_behind_blocked_work_never_begins_late(unblock: threading.Event) -> None:
    """It is refused when its time is over, also when the block ends; later work is done."""
    writer, done = BoundedWriter(), list[str]()
    before = set(threading.enumerate())
    with pytest.raises(LateError):
        writer.run(unblock.wait, 0.01)
    for _ in range(20):
        with pytest.raises(LateError) as late:
            writer.run(lambda: done.append("late"), 0.001)
        assert not late.value.begun
    assert len(set(threading.enumerate()) - before) == 1
    unblock.set()
    writer.run(lambda: done.append("next"), 1.0)
    assert done == ["next"]


def test_the_thread_ends_with_its_owner() -> None:
    """A writer that nobody holds leaves no thread."""
    writer = BoundedWriter()
    writer.run(lambda: None, 1.0)
    (own,) = [item for item in threading.enumerate() if item is writer._thread]
    del writer
    gc.collect()
    own.join(5.0)
    assert not own.is_alive()


FORKED = """
import os
from damosrl.kernel.writer import BoundedWriter
writer = BoundedWriter()
writer.run(lambda: None, 1.0)
if os.fork() == 0:
    writer.run(lambda: print("child", flush=True), 5.0)
    os._exit(0)
os.wait()
"""


def test_a_forked_child_has_a_thread_of_its_own() -> None:
    """Threads do not live on in a child, and its writes are made all the same."""
    done = subprocess.run(
        [sys.executable, "-c", FORKED], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "child\n"


LAST_WORDS = """
from damosrl.kernel.writer import BoundedWriter
writer = BoundedWriter()
writer.run(lambda: None, 1.0)
def late():
    try:
        yield
    finally:
        writer.run(lambda: print("written"), 1.0)
held = late()
next(held)
"""


def test_work_is_done_even_while_the_interpreter_goes_down() -> None:
    """Objects that die last still write, though no thread runs any more."""
    done = subprocess.run(
        [sys.executable, "-c", LAST_WORDS], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("written\n", "")
