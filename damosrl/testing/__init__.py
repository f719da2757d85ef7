"""Contract suites: give your own tuner, search or machine to them, as this project does.

Example:
    >>> from damosrl.testing import check_tuner
    >>> # check_tuner(lambda: MyTuner(), spec)   # in a test of your package
"""

from damosrl.testing.contract import ContractError, observations
from damosrl.testing.machine_contract import MachineCase, check_machine
from damosrl.testing.search_contract import check_search
from damosrl.testing.tuner_contract import check_tuner

__all__ = [
    "ContractError",
    "MachineCase",
    "check_machine",
    "check_search",
    "check_tuner",
    "observations",
]
