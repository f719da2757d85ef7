"""What a tuner is once training is over: plain data that acts by NumPy, or the name of one.

Three kinds: a `PolicyNetwork`, a `PolicyTree`, and a `ControllerPolicy`, which names a choice of
``conf/agent`` with its parameters.
"""

from damosrl.policy.controller import ControllerPolicy
from damosrl.policy.network import (
    ACTIVATIONS,
    ActivationName,
    Layer,
    Normaliser,
    OutputMap,
    PolicyNetwork,
)
from damosrl.policy.protocol import Policy
from damosrl.policy.tree import LEAF, PolicyTree

AnyPolicy = PolicyNetwork | PolicyTree | ControllerPolicy

__all__ = [
    "ACTIVATIONS",
    "LEAF",
    "ActivationName",
    "AnyPolicy",
    "ControllerPolicy",
    "Layer",
    "Normaliser",
    "OutputMap",
    "Policy",
    "PolicyNetwork",
    "PolicyTree",
]
