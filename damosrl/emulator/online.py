"""Plans on running machines: numbers straight into the arrays, whole documents by a commit."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from damosrl.damon import Context, Document, Ops, Target
from damosrl.emulator.loading import write_field
from damosrl.emulator.staging import check_commit, request_commit
from damosrl.emulator.state import COMMIT, ENDED, EngineState
from damosrl.errors import MachineError
from damosrl.machine import IntArray, Plan, Setting


class RunningDocuments:
    """Which document the machines run, so that a plan is committed no further than it differs.

    Args:
        template: What machines are started with.
        legacy: Which machines run kernel 6.12, ``(N,)``: there even numbers are committed whole,
            since a commit waits for the end of a window.
    """

    def __init__(self, template: Document, legacy: NDArray[np.bool_]) -> None:
        self._template = template
        self._kdamonds = len(template.kdamonds)
        self._running = [template] * len(legacy)
        self._legacy = legacy
        self._all_new = not legacy.any()
        self._common: Document | None = template

    def restart(self, machine: int) -> None:
        """Note that a machine has been started anew with the template."""
        if self._common is not self._template:
            self._running[machine] = self._template
            alike = all(document is self._template for document in self._running)
            self._common = self._template if alike else None

    def commit(self, engine: EngineState, plan: Plan) -> EngineState:
        """Put a plan into force: its numbers where its document runs, all of it elsewhere.

        Raises:
            MachineError: The plan has another number of kdamonds (EBUSY), or uses what the
                emulator does not know.
            DocumentError: The kernel would refuse the plan; nothing is changed.
        """
        pending = bool(np.any(engine.contexts["request"] & COMMIT))
        if (
            self._all_new
            and self._common is not None
            and not pending
            and self._is_running(plan.template)
        ):
            first = np.arange(len(self._running)) * self._kdamonds
            _write_fields(engine, first, plan.settings)
            return engine
        return self._commit_where_needed(engine, plan)

    def _is_running(self, template: Document) -> bool:
        return template is self._common or template == self._common  # None: no common one

    def _commit_where_needed(self, engine: EngineState, plan: Plan) -> EngineState:
        if len(plan.template.kdamonds) != self._kdamonds:
            raise MachineError(
                "the number of kdamonds cannot change while they run (EBUSY)",
                got=len(plan.template.kdamonds),
                allowed=self._kdamonds,
                fix="start machines with this document",
            )
        requests = engine.contexts["request"].reshape(-1, self._kdamonds)
        waiting = (requests & COMMIT != 0).any(axis=1)
        different = {id(document): document != plan.template for document in self._running}
        differs = np.array([different[id(document)] for document in self._running])
        whole = np.flatnonzero(differs | waiting | self._legacy)
        first = whole * self._kdamonds
        contexts = [with_whole_node(item.contexts[0]) for item in plan.template.kdamonds]
        for kdamond, context in enumerate(contexts):
            check_commit(engine, first + kdamond, context)
        for kdamond, context in enumerate(contexts):
            engine = request_commit(engine, first + kdamond, context)
        settings = {key: values[whole] for key, values in plan.settings.items()}
        _write_fields(engine, first, settings, staged=True)
        others = np.flatnonzero(~(differs | waiting | self._legacy))
        settings = {key: values[others] for key, values in plan.settings.items()}
        _write_fields(engine, others * self._kdamonds, settings)
        self._running = [plan.template] * len(self._running)
        self._common = plan.template
        return engine

    def end_legacy(self, engine: EngineState) -> None:
        """Let the kdamonds of kernel 6.12 end, as a commit of an invalid document makes them."""
        engine.contexts["status"][np.repeat(self._legacy, self._kdamonds)] = ENDED


def with_whole_node(context: Context) -> Context:
    """Return the context with the one target that a physical one without targets means."""
    if context.targets or context.ops is not Ops.PADDR:
        return context
    return replace(context, targets=(Target(),))


def _write_fields(
    engine: EngineState,
    first: IntArray,
    settings: Mapping[Setting, IntArray],
    *,
    staged: bool = False,
) -> None:
    for (kdamond, scheme, field), values in settings.items():
        write_field(engine, first + kdamond, scheme, field, values, staged=staged)
