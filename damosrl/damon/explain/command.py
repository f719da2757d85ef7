"""What `damosrl explain` calls."""

import json
import sys
from argparse import Namespace
from pathlib import Path

from damosrl.damon.documents import read_document
from damosrl.damon.explain import explain, to_data, to_text

TRAPS_FOUND = 1


def run(arguments: Namespace) -> int:
    """Run `damosrl explain`; with ``--strict`` a warning gives exit status 1."""
    if arguments.document == "-":
        document = read_document(sys.stdin.read() + "\n")
    else:
        document = read_document(Path(arguments.document))
    found = explain(document, arguments.kernel)
    if arguments.json:
        sys.stdout.write(json.dumps(to_data(found), indent=2) + "\n")
    else:
        sys.stdout.write(to_text(found))
    return TRAPS_FOUND if arguments.strict and found.traps else 0
