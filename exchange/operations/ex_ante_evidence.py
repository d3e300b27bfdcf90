"""Files of evidence for ex-ante estimates, and whether an estimate on the log is what its evidence gives.

A file is one JSON object: the fields of `exchange.domain.carbon.ex_ante_forms.ExAnteEvidence`.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec

from exchange.domain.carbon.ex_ante_forms import ExAnteEvidence
from exchange.domain.carbon.ex_ante_model import MODEL, run
from exchange.domain.rejects import Reject
from exchange.operations.errors import ExitCode, OperationError, Refused

if TYPE_CHECKING:
    from pathlib import Path

    from exchange.domain.carbon.ex_ante import Estimate
    from exchange.domain.carbon.ex_ante_model import ModelRun


class EvidenceFile(msgspec.Struct, frozen=True):
    """What a file says, and the SHA-256 of its bytes."""

    evidence: ExAnteEvidence
    sha256: str


class Finding(msgspec.Struct, frozen=True):
    """One thing that was checked. With --json, `ex-ante verify` prints a list of these."""

    what: str
    good: bool
    text: str


def file_sha256(file: Path) -> str:
    """Hexadecimal digest of a file's bytes. Raises OperationError where it cannot be read."""
    try:
        return sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise OperationError(f"cannot read {file}: {error.strerror}", ExitCode.USAGE) from error


def read_evidence(file: Path) -> EvidenceFile:
    """Read a file. Raises OperationError where it cannot be read or is no evidence."""
    try:
        data = file.read_bytes()
        evidence = msgspec.json.decode(data, type=ExAnteEvidence)
    except (OSError, UnicodeDecodeError, msgspec.DecodeError) as error:
        raise OperationError(f"{file} is no evidence of an estimate: {error}", ExitCode.USAGE) from error
    return EvidenceFile(evidence, sha256(data).hexdigest())


def recompute(file: EvidenceFile) -> ModelRun:
    """The estimate that the evidence gives. Raises Refused where it gives none."""
    try:
        return run(file.evidence, file.sha256)
    except Reject as reject:
        raise Refused(reject.code, reject.message) from reject


def compare(file: EvidenceFile, estimate: Estimate) -> list[Finding]:
    """Whether an estimate on the log, found by the digest of the file, is what the file gives."""
    fact = estimate.fact
    computed = recompute(file)
    return [
        Finding(
            "model", fact.model == MODEL, f"the log names {fact.model}, this program computes by {MODEL}"
        ),
        Finding(
            "evidence",
            fact.evidence == file.evidence,
            f"event {estimate.seq} has the figures of the file, whose SHA-256 is {file.sha256}",
        ),
        Finding(
            "figures",
            (fact.years, fact.units) == (computed.years, computed.units),
            f"{computed.units} units over {len(computed.years)} years recomputed, {fact.units} on the log",
        ),
        Finding("model run", fact.run_sha256 == computed.sha256(), f"SHA-256 {computed.sha256()} recomputed"),
    ]
