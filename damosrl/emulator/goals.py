"""Quota goals: how far each metric is, and the loop that follows it (semantics 2.8, 2.11)."""

from typing import Any

import numpy as np

from damosrl.damon import GoalMetric, GoalTuner
from damosrl.emulator.arithmetic import BASIS, U, at_least_one, mult_frac
from damosrl.emulator.jit import inner_kernel
from damosrl.emulator.state import EngineState, code_of
from damosrl.emulator.world import goal_value

PSI = code_of(GoalMetric.SOME_MEM_PSI_US)
TEMPORAL = code_of(GoalTuner.TEMPORAL)


@inner_kernel
def psi_growth(scheme: Any, goal: Any, total: np.uint64) -> np.uint64:
    """Return the growth of the PSI total since the last window.

    Without a base (first window, or first after a commit) the loop is told to stay as it is.
    """
    if scheme.legacy != 0:  # up to 7.2: no base is 0, kept over commits
        growth = U(total - goal.base)
        goal.base = total
        return growth
    has_base, base = goal.has_base, goal.base
    goal.has_base, goal.base = 1, total
    if has_base != 0:
        return U(total - base)
    if scheme.tuner == TEMPORAL and scheme.esz != U(0):
        return U(0)
    return U(goal.target_value)


@inner_kernel
def goals_score(world: Any, state: EngineState, c: int, s: int) -> np.uint64:
    """Return the best score of a scheme's goals in basis points: the least demanding one rules."""
    scheme = state.schemes[c, s]
    best = U(0)
    for g in range(scheme.nr_goals):
        goal = state.goals[c, s, g]
        value = U(goal_value(world, state, c, s, g))
        if goal.metric == PSI:
            value = psi_growth(scheme, goal, value)
        if scheme.legacy != 0:
            score = value * BASIS // at_least_one(goal.target_value)
        else:
            score = mult_frac(value, BASIS, at_least_one(goal.target_value))
        best = max(best, score)
    return best
