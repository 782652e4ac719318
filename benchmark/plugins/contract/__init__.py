"""The contract of a method as checks: the suite's own tests, `wvad method check`, and the test of a new method."""

from benchmark.plugins.contract.probes import ContractError
from benchmark.plugins.contract.subject import Subject, find_subject
from benchmark.plugins.contract.suite import CHECKS, Finding, examine

__all__ = ["CHECKS", "ContractError", "Finding", "Subject", "examine", "find_subject"]
