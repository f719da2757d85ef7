"""A metrics server that only this machine reaches: one thread, one request at a time."""

import socketserver
import threading
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import CollectorRegistry, make_wsgi_app

from damosrl.daemon.loopback_address import loopback_address
from damosrl.errors import ConfigError

REQUEST_TIMEOUT_S = 2.0
"""A client that is silent for so long is left; others wait meanwhile, decisions do not."""


class LoopbackServer:
    """Serves a registry to scrapers on this machine.

    Memory stays bounded however many clients there are, since none has a thread of its own.

    Args:
        address: ``PORT`` or ``127.0.0.1:PORT``; port 0 takes any free one.
        registry: What is served, at every path.

    Raises:
        ConfigError: The address is not loopback, or the port is taken.

    Example:
        >>> server = LoopbackServer("0", CollectorRegistry())
        >>> server.url.startswith("http://127.0.0.1:")
        True
        >>> server.close()
    """

    def __init__(self, address: str, registry: CollectorRegistry) -> None:
        host, port = loopback_address(address)
        try:
            self._server = _Server((host, port), _Handler)
        except OSError as error:
            raise ConfigError(
                f"metrics cannot be served at {host}:{port}",
                got=error.strerror,
                fix="choose a free port",
            ) from error
        self._server.set_app(make_wsgi_app(registry))
        self.url = f"http://{host}:{self._server.server_port}/metrics"
        """Where a scraper finds it."""
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="metrics", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """End the thread and free the port."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(WSGIServer):
    def server_bind(self) -> None:
        """Bind without the look-up of a host name, which could wait for a network."""
        socketserver.TCPServer.server_bind(self)
        self.server_name = "localhost"
        self.server_port = int(self.server_address[1])
        self.setup_environ()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Leave a client that is slow or gone, without a word in the daemon's output."""


class _Handler(WSGIRequestHandler):
    timeout = REQUEST_TIMEOUT_S

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the base's name)
        """Log nothing: a scrape is no event."""
