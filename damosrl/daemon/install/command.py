"""`damosrl daemon install`, from the command line to what is printed and written."""

import shutil
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from damosrl.daemon.install.choices import BUNDLE, Choices, metrics_port
from damosrl.daemon.install.defaults import accounts_text, settings_text, switches_text
from damosrl.daemon.install.plan import NEW, OLD, Content, Deed, Step, installing, removing
from damosrl.daemon.install.unit import SETTINGS, SWITCHES, UNIT, unit_text
from damosrl.daemon.settings import DaemonSettings
from damosrl.daemon.whole_file import EVERYBODY_READS, OWNER_ONLY
from damosrl.errors import ConfigError

ACCOUNTS = "usr/lib/sysusers.d/damosrl.conf"
DONE = {
    Deed.CREATE: "created",
    Deed.REPLACE: "replaced",
    Deed.LEAVE: "left",
    Deed.KEEP: f"kept, it was changed by hand; ours is beside it as {NEW}:",
    Deed.OVERWRITE: f"replaced, it was changed by hand; that version is beside it as {OLD}:",
    Deed.REMOVE: "removed",
}
PLANNED = {
    Deed.CREATE: "would create",
    Deed.REPLACE: "would replace",
    Deed.LEAVE: "would leave",
    Deed.KEEP: f"would keep, it was changed by hand (--force replaces it), and write {NEW} beside:",
    Deed.OVERWRITE: f"would replace, it was changed by hand, and keep that version as {OLD}:",
    Deed.REMOVE: "would remove",
}


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    add = parser.add_argument
    add("--root", default="/", metavar="DIR", help="system to install to; default: /")
    add("--apply", action="store_true", help="write; without it, only print")
    add("--force", action="store_true", help="replace or remove also what was changed by hand")
    add("--remove", action="store_true", help="remove what was installed, instead")
    add("--bundle", default=str(BUNDLE), metavar="PATH", help=f"policy; default: {BUNDLE}")
    add("--program", metavar="FILE", help="command damosrl of that system; default: this one")
    add("--user", default="root", metavar="NAME", help="account; default: root, no capability")
    add("--metrics", metavar="PORT", help="serve metrics on loopback; default: no network")
    add("--metrics-file", metavar="FILE", help="write metrics for node_exporter instead")


def run(given: Namespace) -> int:
    """Run `damosrl daemon install`.

    Raises:
        ConfigError: A choice cannot be installed, or a file cannot be written.
    """
    root = Path(given.root)
    if not root.is_dir():
        raise ConfigError(f"{root} is no folder", fix="give --root where that system lies")
    steps = _steps(given, root)
    for step in steps:
        if given.apply:
            step.do()
        sys.stdout.write(_told(step, done=given.apply))
    sys.stdout.write(_next(given, steps))
    return 0


def _steps(given: Namespace, root: Path) -> list[Step]:
    if given.remove:
        return removing(root, (UNIT, SWITCHES, SETTINGS, ACCOUNTS), force=given.force)
    choices = Choices(
        program=_program(given.program),
        bundle=Path(given.bundle),
        user=given.user,
        metrics_port=metrics_port(given.metrics),
        metrics_file=Path(given.metrics_file) if given.metrics_file else None,
    )
    return installing(root, contents(choices), force=given.force)


def contents(choices: Choices) -> list[Content]:
    """Return all files of an installation."""
    files = [
        Content(UNIT, unit_text(choices), EVERYBODY_READS),
        Content(SWITCHES, switches_text(choices), OWNER_ONLY),
        Content(SETTINGS, settings_text(DaemonSettings), OWNER_ONLY),
    ]
    if choices.user != "root":
        files.append(Content(ACCOUNTS, accounts_text(choices), EVERYBODY_READS))
    return files


def _program(given: str | None) -> Path:
    if given is not None:
        return Path(given)
    beside = Path(sys.executable).with_name("damosrl")
    found = str(beside) if beside.is_file() else shutil.which("damosrl")
    if found is None:
        raise ConfigError("no command damosrl is installed here", fix="give --program FILE")
    return Path(found).absolute()


def _told(step: Step, *, done: bool) -> str:
    line = f"{(DONE if done else PLANNED)[step.deed]} {step.path}\n"
    if done or step.deed in (Deed.LEAVE, Deed.REMOVE):
        return line
    body = "".join(f"    {text}\n" if text else "\n" for text in step.text.splitlines())
    return f"{line}\n{body}\n"


def _next(given: Namespace, steps: Sequence[Step]) -> str:
    if not steps:
        return "nothing is installed there\n"
    if not given.apply:
        return "nothing was changed; --apply does it\n"
    if given.remove:
        return "next: systemctl daemon-reload\n"
    accounts = "systemd-sysusers && " if given.user != "root" else ""
    return (
        f"next: {accounts}systemctl daemon-reload && systemctl enable --now damosrl\n"
        "then: damosrl daemon status\n"
        "back: systemctl disable --now damosrl   (restores what was found)\n"
    )
