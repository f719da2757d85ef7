"""What `damosrl explain` calls."""

import json
import sys
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

from damosrl.damon.documents import load_document, parse_document, read_document
from damosrl.damon.explain import Severity, explain, to_data, to_text
from damosrl.damon.explain.parts import contexts_of
from damosrl.damon.explain.traps_damo import damo_text_traps

WARNINGS_FOUND = 1


def run(arguments: Namespace) -> int:
    """Run `damosrl explain`; with ``--strict`` a warning (not a note) gives exit status 1."""
    if arguments.document == "-":
        data = parse_document(sys.stdin.read(), "standard input")
    else:
        data = load_document(Path(arguments.document))
    document = read_document(data)
    found = explain(document, arguments.kernel)
    written = damo_text_traps(list(contexts_of(document)), data)
    found = replace(found, traps=(*found.traps, *written))
    if arguments.json:
        sys.stdout.write(json.dumps(to_data(found), indent=2) + "\n")
    else:
        sys.stdout.write(to_text(found))
    return WARNINGS_FOUND if arguments.strict and found.of(Severity.WARNING) else 0
