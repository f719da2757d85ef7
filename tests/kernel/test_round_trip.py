"""Documents written to a tree and read back: nothing is lost, and nothing is written twice."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from damosrl.damon import Document, FilterLayer, Scheme
from damosrl.damon.documents import read_document
from damosrl.damon.features import RELEASES
from damosrl.errors import DamosrlError, KernelFeatureError
from damosrl.experiment.fuzz.documents import random_document
from damosrl.kernel.decode import document_of
from damosrl.kernel.encode import settings_of
from damosrl.kernel.roots import Roots
from damosrl.kernel.snapshot import read_settings
from damosrl.kernel.staging import stage
from damosrl.testing.fake_tree import FakeTree

ROOTS = Roots(sysfs=Path("/fake/sys"))


def drawn(seed: int) -> Document | None:
    """Return a random valid document in the kernel's order; None where it was broken."""
    try:
        document = read_document(random_document(np.random.default_rng(seed)))
    except DamosrlError:
        return None
    return in_kernel_order(document)


def in_kernel_order(document: Document) -> Document:
    """Put filters of the core before those of the operations, and drop pids that paddr ignores."""
    kdamonds = []
    for kdamond in document.kdamonds:
        context = kdamond.contexts[0]
        schemes = tuple(_ordered(scheme) for scheme in context.schemes)
        targets = context.targets
        if context.ops == "paddr":
            targets = tuple(replace(target, pid=None) for target in targets)
        context = replace(context, schemes=schemes, targets=targets)
        kdamonds.append(replace(kdamond, contexts=(context,)))
    return Document(tuple(kdamonds))


def _ordered(scheme: Scheme) -> Scheme:
    filters = tuple(item for layer in FilterLayer for item in scheme.filters if item.layer is layer)
    goals = tuple(
        goal if goal.metric.needs_memcg else replace(goal, memcg_path=None)
        for goal in scheme.quota.goals
    )
    return replace(scheme, filters=filters, quota=replace(scheme.quota, goals=goals))


def write(tree: FakeTree, document: Document) -> int:
    """Stage a document and return the number of writes."""
    root = ROOTS.damon
    wanted = settings_of(document, lambda path: tree.exists(root / path))
    return len(stage(tree, root, wanted, 0.1))


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32), st.integers(0, 2**32))
def test_a_document_written_over_another_reads_back_equal(first: int, second: int) -> None:
    """Whatever the tree held, it then holds the new document, and a second writing writes none."""
    tree = FakeTree(ROOTS)
    for document in filter(None, map(drawn, (first, second))):
        write(tree, document)
        assert document_of(read_settings(tree, ROOTS.damon)) == document
        assert write(tree, document) == 0


@pytest.mark.parametrize("version", RELEASES)
def test_every_kernel_takes_a_document_or_names_the_first_that_does(version: str) -> None:
    """What is written reads back; what is refused names a newer kernel than this one."""
    taken = refused = 0
    for seed in range(60):
        document = drawn(seed)
        if document is None:
            continue
        tree = FakeTree(ROOTS, version)
        try:
            write(tree, document)
        except KernelFeatureError as error:
            since = str(error.allowed).split()[1]
            assert RELEASES.index(since) > RELEASES.index(version)
            refused += 1
        else:
            taken += 1
            found = document_of(read_settings(tree, ROOTS.damon))
            assert in_kernel_order(found) == document
    assert taken > 0
    assert refused > 0 or version == "7.3"
