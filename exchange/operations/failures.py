"""What can go wrong below, as the operator should hear it: one sentence and an exit code instead of a traceback."""

from __future__ import annotations

import asyncpg

from exchange.domain.rejects import Reject
from exchange.engine.client import EngineUnreachable
from exchange.engine.engine import LeaseLost
from exchange.engine.interface import EngineStopped
from exchange.log.archive import ArchiveDamaged, ArchiveMissing
from exchange.log.chain import ChainBroken
from exchange.log.codec import UnknownEvent
from exchange.log.files import FileUnusable
from exchange.log.heads import HeadsUnusable
from exchange.log.importing import NothingFollows
from exchange.log.lease import LeaseHeld
from exchange.log.migrations import SchemaMismatch
from exchange.log.postgres_cluster import EmbeddedPostgresError
from exchange.log.signing import KeyUnusable
from exchange.log.writer import CommitUnknown, Fenced, NotDurable
from exchange.operations.cut_off import LogCutOff
from exchange.operations.errors import ExitCode, OperationError, Refused
from exchange.registry.projection import ProjectionError
from exchange.registry.rebuild import RebuildRuns
from exchange.registry.store import ReconciliationFailed, RegistryDamaged, SettlementHeld, TakenOver

_MISCONFIGURED = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.ClientConfigurationError,
    NotDurable,
)
_AWAY = (
    TimeoutError,
    asyncpg.CannotConnectNowError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
)
UNREACHABLE = (OSError, *_AWAY, asyncpg.TooManyConnectionsError)
"""The database is away for now: it starts, stops, fails over, or the network does."""
_CONNECTION_CLOSED = (asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What asyncpg says to the use of a connection that was closed meanwhile; the second, where that happened in a COPY."""
_TAKEN_AWAY = (CommitUnknown, EngineUnreachable, EngineStopped, Fenced, LeaseLost, TakenOver)
_FOR_NOW = (*_TAKEN_AWAY, LeaseHeld, EmbeddedPostgresError, RebuildRuns, SettlementHeld)
# Not every OSError: a port in use, for example, stays so.
_LOST_ELSEWHERE = (ConnectionError, *_AWAY, *_CONNECTION_CLOSED, *_TAKEN_AWAY)


def explain(error: Exception) -> OperationError | None:
    """The operator's version of an error; None for what is a bug."""
    explained: OperationError | None = None
    if isinstance(error, OperationError):
        explained = error
    elif isinstance(error, Reject):
        explained = Refused(error.code, error.message)
    elif isinstance(error, KeyUnusable | FileUnusable | NothingFollows):
        explained = OperationError(str(error), ExitCode.USAGE)
    elif isinstance(error, UnknownEvent) and error.is_newer:
        explained = OperationError(f"{error}: use a newer program", ExitCode.LOG_UNUSABLE)
    elif isinstance(error, ChainBroken):
        explained = OperationError(f"{error}; see the runbook damaged-log.md", ExitCode.LOG_UNUSABLE)
    elif isinstance(
        error,
        ArchiveMissing
        | ArchiveDamaged
        | LogCutOff
        | HeadsUnusable
        | UnknownEvent
        | SchemaMismatch
        | ProjectionError,
    ):
        explained = OperationError(str(error), ExitCode.LOG_UNUSABLE)
    elif isinstance(error, asyncpg.DataCorruptedError | asyncpg.IndexCorruptedError):
        explained = OperationError(
            f"the database cannot read its own files: {error}; `exchange verify` names the event, see the runbook damaged-log.md",
            ExitCode.LOG_UNUSABLE,
        )
    elif isinstance(error, ReconciliationFailed | RegistryDamaged):
        explained = OperationError(str(error), ExitCode.REGISTRY_DAMAGED)
    elif isinstance(error, _MISCONFIGURED):
        explained = OperationError(f"the database cannot be used: {error}", ExitCode.USAGE)
    elif isinstance(error, (*UNREACHABLE, *_CONNECTION_CLOSED)):
        explained = OperationError(
            f"the database cannot be reached: {describe(error)}", ExitCode.NOT_AVAILABLE
        )
    elif isinstance(error, _FOR_NOW):
        explained = OperationError(str(error), ExitCode.NOT_AVAILABLE)
    return explained


def describe(error: Exception) -> str:
    """The text of an error; its name where it has none (a timeout)."""
    return str(error) or type(error).__name__


def is_lasting(error: OperationError) -> bool:
    """Whether trying again would end the same way."""
    return error.exit_code != ExitCode.NOT_AVAILABLE


def is_lost_elsewhere(error: Exception) -> bool:
    """Whether the process itself did well: the database or the engine that it works with went away, or another took over."""
    return isinstance(error, _LOST_ELSEWHERE)
