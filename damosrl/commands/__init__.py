"""The commands of the command line: names, help, arguments; what runs is imported when it runs."""

from damosrl.commands import deployment, documents, experiments, exports, lab, machines
from damosrl.commands.command import Command

COMMANDS: tuple[Command, ...] = (
    *experiments.COMMANDS,
    *exports.COMMANDS,
    *documents.COMMANDS,
    *machines.COMMANDS,
    *deployment.COMMANDS,
    *lab.COMMANDS,
)
"""In the order of the overview."""

__all__ = ["COMMANDS", "Command"]
