"""Configuration of an installation: which bundle, which options, which settings; all explained."""

import re
from dataclasses import MISSING, Field, fields, is_dataclass
from inspect import getdoc
from textwrap import wrap
from typing import Any

from damosrl.daemon.install.choices import Choices

WIDTH = 88
_ARGUMENT = re.compile(r"^    (\w+): (.*(?:\n        .*)*)", re.MULTILINE)


def switches_text(choices: Choices) -> str:
    """Return ``/etc/default/damosrl``: what changes from shadow to canary to full."""
    metrics = ""
    if choices.metrics_port is not None:
        metrics = f" --metrics {choices.metrics_port}"
    if choices.metrics_file is not None:
        metrics = f" --metrics-file {choices.metrics_file}"
    return f"""\
# Which policy drives, and how far. Read by damosrl.service; after a change:
#   systemctl restart damosrl

DAMOSRL_BUNDLE={choices.bundle}

# --shadow            decide and log, commit nothing that is decided (begin here)
# --canary 10         a tenth of what the policy asks for, the rest is the fall-back
# (neither)           the policy, within its limits
# --public-key FILE   refuse bundles that this key has not signed
DAMOSRL_OPTIONS="--shadow{metrics}"
"""


def settings_text(settings: type[Any]) -> str:
    """Return ``/etc/damosrl/daemon.yaml``: every setting with its default and its meaning.

    Args:
        settings: Dataclass whose fields all have defaults, with Google-style ``Args``.
    """
    head = "# Settings of the daemon, all at their defaults; read at `systemctl restart damosrl`."
    return "\n".join([head, *_explained(settings, ""), ""])


def _explained(settings: type[Any], indent: str) -> list[str]:
    told = dict(_ARGUMENT.findall(getdoc(settings) or ""))
    prefix = f"{indent}# "
    lines = []
    for field in fields(settings):
        default = _default(field)
        text = " ".join(told.get(field.name, "").replace("``", "").split())
        lines += ["", *wrap(text, WIDTH, initial_indent=prefix, subsequent_indent=prefix)]
        if is_dataclass(default):
            lines += [f"{indent}{field.name}:", *_explained(type(default), f"{indent}  ")]
        else:
            lines.append(f"{indent}{field.name}: {_yaml(default)}")
    return lines


def _default(field: "Field[Any]") -> Any:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return field.default


def _yaml(value: object) -> str:
    """Write nothing, a number, a name, or a list of them."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(str, value))}]"
    return "null" if value is None else str(value)


def accounts_text(choices: Choices) -> str:
    """Return the sysusers.d file that makes the account."""
    return f'u {choices.user} - "damosrl daemon" /var/lib/damosrl\n'
