"""What is compared: arms, operations and claims, as frozen records read from a TOML file."""

from bench.study.files import BUILT_IN, load_study, load_traffic, with_claims
from bench.study.models import (
    Anchor,
    Arm,
    Claim,
    ClaimKind,
    Operation,
    Study,
    StudyError,
    Traffic,
)

__all__ = [
    "BUILT_IN",
    "Anchor",
    "Arm",
    "Claim",
    "ClaimKind",
    "Operation",
    "Study",
    "StudyError",
    "Traffic",
    "load_study",
    "load_traffic",
    "with_claims",
]
