"""The daemon's command line."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from damosrl.config import load_yaml, typed
from damosrl.daemon.decision import Mode
from damosrl.daemon.settings import DaemonSettings
from damosrl.errors import ConfigError
from damosrl.kernel.lock import STATE_DIR


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    add = parser.add_argument
    add("bundle", metavar="BUNDLE", help="folder or .damosrl file, from `damosrl export`")
    add("--config", metavar="FILE.yaml", help="guards, patience, log bounds; all have defaults")
    add("--public-key", metavar="FILE", help="refuse bundles that this key has not signed")
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--shadow",
        action="store_true",
        help="monitor and decide, commit nothing that is decided: no memory is moved",
    )
    group.add_argument(
        "--dry-run",
        action="store_true",
        help="print each write and make none; one decision is enough to see it: --once",
    )
    group.add_argument(
        "--canary",
        type=float,
        metavar="PERCENT",
        help="how much of the policy's request counts; the rest is the fall-back configuration",
    )
    add("--once", action="store_true", help="decide once, print why, restore, end")
    add("--steps", type=int, metavar="N", help="end after N decisions")
    add("--sysfs-root", default="/sys", metavar="DIR", help="default: /sys")
    add("--procfs-root", default="/proc", metavar="DIR", help="default: /proc")
    add("--tracefs-root", metavar="DIR", help="default: kernel/tracing below that of sysfs")
    add("--cgroup-root", metavar="DIR", help="default: fs/cgroup below that of sysfs")
    add("--state-dir", default=str(STATE_DIR), metavar="DIR", help=f"default: {STATE_DIR}")
    add("--log-dir", metavar="DIR", help="folder of the journal; default: journal in --state-dir")
    add("--metrics", metavar="PORT", help="serve metrics for Prometheus on loopback")
    add("--metrics-file", metavar="FILE.prom", help="or write them for the text-file collector")
    add("--quiet", action="store_true", help="print nothing but errors")


def settings_of(given: Namespace) -> DaemonSettings:
    """Read ``--config``.

    Raises:
        UnknownNameError: A key does not exist; the nearest is named.
        ConfigError: A value is wrong.
    """
    values = load_yaml(Path(given.config)) if given.config else {}
    return typed(DaemonSettings, values, "the daemon's configuration")


def mode_of(given: Namespace) -> Mode:
    """Return who is at the wheel while nothing is wrong.

    Raises:
        ConfigError: A number is out of range.
    """
    if given.steps is not None and given.steps < 1:
        raise ConfigError("--steps is too small", got=given.steps, allowed=">= 1")
    if given.canary is not None:
        if not 0.0 < given.canary <= 100.0:
            raise ConfigError(
                "--canary is out of range",
                got=given.canary,
                allowed="above 0, up to 100 %",
                fix="give --canary 10, or --shadow to apply nothing",
            )
        return Mode.CANARY
    if given.dry_run:
        return Mode.DRY_RUN
    return Mode.SHADOW if given.shadow else Mode.ACTIVE
