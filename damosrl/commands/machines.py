"""Commands on the running kernel."""

import argparse
from importlib import import_module

from damosrl.commands.command import Command


def _record(parser: argparse.ArgumentParser) -> None:
    import_module("damosrl.experiment.record.options").add_arguments(parser)


def _doctor(parser: argparse.ArgumentParser) -> None:
    import_module("damosrl.kernel.doctor.command").add_arguments(parser)


COMMANDS = (
    Command(
        "record",
        "monitor a process, a program, a control group or physical memory; write a recording",
        "damosrl record --seconds 10 --out sleep.damon -- sleep 20",
        "damosrl.experiment.record.command:run",
        _record,
        "ends after --seconds, on Ctrl-C or SIGTERM, or with its target; what was seen is kept.\n"
        "a program that still runs then is ended. damo 3.4.3 reads the file.\n"
        "convert: damosrl record --from perf.txt --out new.damon",
        takes_words=True,
    ),
    Command(
        "doctor",
        "tell what this machine can do, what is missing, and who uses DAMON now; reads only",
        "damosrl doctor",
        "damosrl.kernel.doctor.command:run",
        _doctor,
        "exit status: 0 if DAMON can be controlled here; 1 if what is needed is missing or busy.\n"
        "after a damosrl was killed: damosrl doctor --restore",
    ),
)
