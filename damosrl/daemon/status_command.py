"""`damosrl daemon status`, from the command line to what is printed."""

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

import msgspec

from damosrl.daemon.health import ALIVE, Health, examine
from damosrl.daemon.status import STATUS_NAME
from damosrl.daemon.status_text import described
from damosrl.kernel.lock import STATE_DIR

WELL, NOT_WELL = 0, 1


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "--state-dir", default=str(STATE_DIR), metavar="DIR", help=f"default: {STATE_DIR}"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(given: Namespace) -> int:
    """Run `damosrl daemon status`; exit status 1 unless a daemon lives and decides in time.

    Raises:
        ConfigError: The status file may not be read.
    """
    health = examine(Path(given.state_dir) / STATUS_NAME)
    sys.stdout.write(_json(health) if given.json else described(health))
    return WELL if health.state in ALIVE else NOT_WELL


def _json(health: Health) -> str:
    return msgspec.json.format(msgspec.json.encode(health), indent=2).decode() + "\n"
