"""The metrics server: this machine only, one client at a time, never in a decision's way."""

import socket
import threading
import time
from collections.abc import Iterator
from urllib.request import urlopen

import pytest
from prometheus_client import CollectorRegistry

from damosrl.daemon.loopback import REQUEST_TIMEOUT_S, LoopbackServer
from damosrl.daemon.loopback_address import loopback_address
from damosrl.daemon.metrics import ServedMetrics
from damosrl.daemon.tally import Counters
from damosrl.errors import ConfigError
from tests.daemon.decisions import decision


@pytest.fixture
def served() -> Iterator[ServedMetrics]:
    """Return metrics at a free port."""
    opened = ServedMetrics("0")
    yield opened
    opened.close()


def _scrape(url: str) -> str:
    with urlopen(url, timeout=10) as answer:  # noqa: S310  (our own server)
        return str(answer.read().decode())


def test_a_scrape_gets_the_last_decision(served: ServedMetrics) -> None:
    """What was observed is served."""
    served.observe(decision(), Counters(steps=41))
    assert "damosrl_decisions_total 41.0" in _scrape(served.url).splitlines()


def test_a_silent_client_delays_no_decision(served: ServedMetrics) -> None:
    """Someone who connects and says nothing is left after two seconds; decisions go on at once."""
    port = int(served.url.split(":")[2].split("/")[0])
    with socket.create_connection(("127.0.0.1", port)):
        time.sleep(0.1)
        begin_s = time.monotonic()
        for step in range(1, 200):
            served.observe(decision(step), Counters(steps=step))
        assert time.monotonic() - begin_s < 0.5
        assert "damosrl_decisions_total 199.0" in _scrape(served.url)
        assert time.monotonic() - begin_s < 3 * REQUEST_TIMEOUT_S


def test_clients_get_no_threads(served: ServedMetrics) -> None:
    """Many connections at once do not multiply threads, and so not memory."""
    port = int(served.url.split(":")[2].split("/")[0])
    before = threading.active_count()
    clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(4)]
    time.sleep(0.1)
    assert threading.active_count() == before
    for client in clients:
        client.close()


def test_a_client_that_breaks_off_is_silent(
    served: ServedMetrics, capfd: pytest.CaptureFixture[str]
) -> None:
    """Garbage and resets write nothing into the daemon's output, and the next scrape works."""
    port = int(served.url.split(":")[2].split("/")[0])
    for words in (b"\x00\xff\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n"):
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(words)
            client.shutdown(socket.SHUT_WR)
    _scrape(served.url)
    assert capfd.readouterr() == ("", "")


def test_a_closed_server_frees_its_port() -> None:
    """After the end the port can be taken anew; no thread is left."""
    before = threading.active_count()
    server = LoopbackServer("0", CollectorRegistry())
    address = server.url.split("/")[2]
    server.close()
    LoopbackServer(address, CollectorRegistry()).close()
    assert threading.active_count() == before


def test_a_taken_port_is_refused(served: ServedMetrics) -> None:
    """A port in use is a mistake, told before the first decision."""
    with pytest.raises(ConfigError, match="choose a free port"):
        LoopbackServer(served.url.split("/")[2], CollectorRegistry())


@pytest.mark.parametrize(
    "text", ["0.0.0.0:1", ":9184", "10.0.0.1:9184", "localhost:1", "[::]:1", "128.0.0.1:1"]
)
def test_other_addresses_are_refused(text: str) -> None:
    """Only an address of 127.0.0.0/8 is served, and none that a name server decides."""
    with pytest.raises(ConfigError, match="this machine only"):
        loopback_address(text)


@pytest.mark.parametrize("text", ["", "web", "-1", "65536", "127.0.0.1:", "127.0.0.1:+1", "²"])
def test_what_is_no_port_is_refused(text: str) -> None:
    """A port is a whole number up to 65535."""
    with pytest.raises(ConfigError, match="not a port"):
        loopback_address(text)


@pytest.mark.parametrize(
    ("text", "address"),
    [("9184", ("127.0.0.1", 9184)), ("127.8.0.1:0", ("127.8.0.1", 0))],
)
def test_loopback_addresses_are_taken(text: str, address: tuple[str, int]) -> None:
    """A port alone means 127.0.0.1."""
    assert loopback_address(text) == address
