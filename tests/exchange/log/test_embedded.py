"""The embedded Postgres, with real servers: life and death, sharing, recovery, root."""

import asyncio
import contextlib
import os
import pwd
import re
import signal
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import psutil
import pytest

from exchange.log import embedded
from exchange.log.embedded import EmbeddedPostgres, find_running
from exchange.log.postgres_cluster import EmbeddedPostgresError
from exchange.log.postgres_guardian import CAP_DAC_READ_SEARCH, BoundedLog, become
from tests.waiting import eventually

REPOSITORY = Path(__file__).resolve().parents[3]

# Starts or joins the server, commits a row, tells who and where it is, and stays until its input ends.
USER_PROGRAM = """
import asyncio, os, sys
from pathlib import Path
import asyncpg
from exchange.log.embedded import EmbeddedPostgres

async def main():
    async with EmbeddedPostgres(Path(sys.argv[1])) as server:
        connection = await asyncpg.connect(server.dsn)
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock(1)")
            await connection.execute("CREATE TABLE IF NOT EXISTS visit (process int)")
        await connection.execute("INSERT INTO visit VALUES ($1)", os.getpid())
        print(server.postmaster_id, flush=True)
        await asyncio.to_thread(sys.stdin.read)
        await connection.close()

asyncio.run(main())
"""

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as several users")


class UserProcess:
    """Another process that uses the server of a data folder."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.postmaster_id = 0

    async def ready(self) -> None:
        """Returns when the process has committed its row."""
        assert self.process.stdout is not None
        line = await self.process.stdout.readline()
        assert line, "the process ended without a server"
        self.postmaster_id = int(line)

    async def leave(self) -> None:
        """Lets the process stop in order."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert 0 == await self.process.wait()

    async def kill(self) -> None:
        """Kills the process so that it can do nothing about it."""
        self.process.kill()
        await self.process.wait()


@contextlib.asynccontextmanager
async def user_process(data_dir: Path, user_id: int | None = None) -> AsyncIterator[UserProcess]:
    def become_user() -> None:
        if user_id is not None:
            # Python itself may lie below a folder of root.
            become(user_id, user_id, CAP_DAC_READ_SEARCH)

    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        USER_PROGRAM,
        str(data_dir),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=REPOSITORY,
        preexec_fn=become_user,
    )
    try:
        yield UserProcess(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def visits(server: EmbeddedPostgres) -> list[int]:
    connection = await asyncpg.connect(server.dsn)
    try:
        return [
            row["process"] for row in await connection.fetch("SELECT process FROM visit ORDER BY process")
        ]
    finally:
        await connection.close()


async def setting(server: EmbeddedPostgres, name: str) -> str:
    connection = await asyncpg.connect(server.dsn)
    try:
        return str(await connection.fetchval("SELECT current_setting($1)", name))
    finally:
        await connection.close()


def guardian_of(data_dir: Path) -> int:
    return int((data_dir / "postgres.lock").read_text())


async def until_down(data_dir: Path, postmaster_id: int) -> None:
    def is_down() -> bool:
        try:
            gone = psutil.Process(postmaster_id).status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            gone = True
        return gone and find_running(data_dir) is None

    await eventually(is_down, f"the server {postmaster_id} goes down")


async def test_restart_keeps_data(tmp_path: Path) -> None:
    """What was committed is there after a stop and a start of the same server object."""
    server = EmbeddedPostgres(tmp_path)
    await server.start()
    connection = await asyncpg.connect(server.dsn)
    await connection.execute("CREATE TABLE visit AS SELECT 7 AS process")
    await connection.close()
    await server.stop()
    assert find_running(tmp_path) is None
    await server.start()
    try:
        assert [7] == await visits(server)
    finally:
        await server.stop()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("data_checksums", "on"),
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("full_page_writes", "on"),
        ("server_encoding", "UTF8"),
        ("listen_addresses", "127.0.0.1"),
        ("unix_socket_permissions", "0700"),
        ("TimeZone", "UTC"),
    ],
)
async def test_settings(postgres: EmbeddedPostgres, name: str, value: str) -> None:
    """The settings on which acknowledgements rest are in force."""
    assert value == await setting(postgres, name)


async def test_settings_in_a_file_do_not_loosen_durability(tmp_path: Path) -> None:
    """A line in postgresql.conf cannot switch fsync off."""
    async with EmbeddedPostgres(tmp_path):
        pass
    with (tmp_path / "postgres" / "postgresql.conf").open("a") as file:
        file.write("fsync = off\n")
    async with EmbeddedPostgres(tmp_path) as server:
        assert "on" == await setting(server, "fsync")


async def test_text_sorts_by_bytes(postgres: EmbeddedPostgres) -> None:
    """The order of text depends on no locale of the machine."""
    connection = await asyncpg.connect(postgres.dsn)
    try:
        rows = await connection.fetch(
            "SELECT * FROM (VALUES ('b'), ('A'), ('a'), ('é'), ('B')) AS t (word) ORDER BY word"
        )
    finally:
        await connection.close()
    assert ["A", "B", "a", "b", "é"] == [row["word"] for row in rows]


async def test_each_test_has_a_database_of_its_own(postgres: EmbeddedPostgres, dsn: str) -> None:
    """The fixture's database is empty and is not the server's first one."""
    connection = await asyncpg.connect(dsn)
    try:
        assert 0 == await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        assert "postgres" != await connection.fetchval("SELECT current_database()")
    finally:
        await connection.close()


async def test_tcp_asks_for_the_password(tmp_path: Path) -> None:
    """Over loopback the password of the data folder is needed, and it is enough."""
    async with EmbeddedPostgres(tmp_path) as server:
        port = int(await setting(server, "port"))
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(
                host="127.0.0.1", port=port, user="exchange", database="postgres", password="guess"
            )
        password = (tmp_path / "postgres.password").read_text()
        connection = await asyncpg.connect(
            host="127.0.0.1", port=port, user="exchange", database="postgres", password=password
        )
        await connection.close()
    assert 0o600 == stat.S_IMODE((tmp_path / "postgres.password").stat().st_mode)
    assert 0o700 == stat.S_IMODE((tmp_path / "postgres").stat().st_mode)


async def test_path_too_long_for_a_socket(tmp_path: Path) -> None:
    """Where a unix socket's path would be too long, the address is loopback with the password."""
    data_dir = tmp_path / ("long" * 20)
    async with EmbeddedPostgres(data_dir) as server:
        assert re.fullmatch(r"postgresql://exchange:[\w-]+@127\.0\.0\.1:\d+/postgres", server.dsn)
        assert "" == await setting(server, "unix_socket_directories")
        assert server.dsn == find_running(data_dir)


async def test_find_running(tmp_path: Path) -> None:
    """The address is found while the server runs, also by who did not start it, and neither before nor after."""
    assert find_running(tmp_path) is None
    async with EmbeddedPostgres(tmp_path) as server:
        assert server.dsn == find_running(tmp_path)
    assert find_running(tmp_path) is None


async def test_not_started() -> None:
    """A server that was not started has no address, and a stop of it does nothing."""
    server = EmbeddedPostgres(Path("nowhere"))
    await server.stop()
    with pytest.raises(EmbeddedPostgresError, match="not started"):
        _ = server.dsn
    with pytest.raises(EmbeddedPostgresError, match="not running"):
        _ = server.postmaster_id


async def test_second_start_of_one_object_is_refused(tmp_path: Path) -> None:
    """One object stands for one use; starting it twice is a mistake of the program."""
    async with EmbeddedPostgres(tmp_path) as server:
        with pytest.raises(EmbeddedPostgresError, match="already"):
            await server.start()


@pytest.mark.faults
async def test_kill_9_of_the_only_user(tmp_path: Path) -> None:
    """A killed parent takes its server with it, and the next start finds what was committed."""
    async with user_process(tmp_path) as user:
        await user.ready()
        await user.kill()
        await until_down(tmp_path, user.postmaster_id)
    async with EmbeddedPostgres(tmp_path) as server:
        assert [user.process.pid] == await visits(server)


@pytest.mark.faults
async def test_start_right_after_kill_9(tmp_path: Path) -> None:
    """A start while the server of a killed parent still goes down waits for it, and loses nothing."""
    async with user_process(tmp_path) as user:
        await user.ready()
        await user.kill()
        async with EmbeddedPostgres(tmp_path) as server:
            assert [user.process.pid] == await visits(server)


@pytest.mark.faults
async def test_kill_9_of_the_server(tmp_path: Path) -> None:
    """Who waits is told that the server ended, and the next start recovers what was committed."""
    async with user_process(tmp_path) as user:
        await user.ready()
        server = EmbeddedPostgres(tmp_path)
        await server.start()
        os.kill(server.postmaster_id, signal.SIGKILL)
        tail = await asyncio.wait_for(server.wait(), 30)
        assert "ready to accept connections" in tail
        await server.stop()
        async with server:
            assert [user.process.pid] == await visits(server)
            assert user.postmaster_id != server.postmaster_id


@pytest.mark.faults
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent died")
async def test_kill_9_of_the_guardian(tmp_path: Path) -> None:
    """Without its guardian the server ends, and the next start recovers."""
    async with user_process(tmp_path) as user:
        await user.ready()
        os.kill(guardian_of(tmp_path), signal.SIGKILL)
        await until_down(tmp_path, user.postmaster_id)
        async with EmbeddedPostgres(tmp_path) as server:
            assert [user.process.pid] == await visits(server)


@pytest.mark.faults
async def test_server_without_guardian_is_ended_before_the_next_starts(tmp_path: Path) -> None:
    """A server that lost its guardian and goes on is never met by a second one on the same files."""
    async with EmbeddedPostgres(tmp_path) as server:
        command = psutil.Process(server.postmaster_id).cmdline()
        owner_id = (tmp_path / "postgres").stat().st_uid

    def become_owner() -> None:
        if owner_id != os.geteuid():
            become(owner_id, owner_id, CAP_DAC_READ_SEARCH)

    orphan = await asyncio.create_subprocess_exec(
        *command, cwd=tmp_path / "postgres", preexec_fn=become_owner, stderr=subprocess.DEVNULL
    )
    pid_file = tmp_path / "postgres" / "postmaster.pid"
    await eventually(lambda: pid_file.exists() and "ready" in pid_file.read_text(), "the orphan is ready")
    async with EmbeddedPostgres(tmp_path) as server:
        assert orphan.pid != server.postmaster_id
        assert 0 == await asyncio.wait_for(orphan.wait(), 30)


async def test_process_id_of_a_dead_server_used_by_a_stranger(tmp_path: Path) -> None:
    """A process id file that a crash left and that now names another program does not hinder the start."""
    async with EmbeddedPostgres(tmp_path) as server:
        pid_file = tmp_path / "postgres" / "postmaster.pid"
        lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:], ""]))
    async with server:
        assert os.getpid() != server.postmaster_id


async def test_concurrent_starts_share_one_server(tmp_path: Path) -> None:
    """Three processes that start at once on an empty folder use one server."""
    async with (
        user_process(tmp_path) as one,
        user_process(tmp_path) as two,
        EmbeddedPostgres(tmp_path) as server,
    ):
        await asyncio.gather(one.ready(), two.ready())
        assert [server.postmaster_id] * 2 == [one.postmaster_id, two.postmaster_id]
        assert sorted([one.process.pid, two.process.pid]) == await visits(server)


async def test_server_stays_until_its_last_user_leaves(tmp_path: Path) -> None:
    """The one who started it may leave, or be killed, while others go on."""
    async with user_process(tmp_path) as starter, user_process(tmp_path) as other:
        await starter.ready()
        await other.ready()
        server = EmbeddedPostgres(tmp_path)
        await server.start()
        await starter.leave()
        await other.kill()
        assert sorted([starter.process.pid, other.process.pid]) == await visits(server)
        postmaster_id = server.postmaster_id
        assert starter.postmaster_id == postmaster_id
        await server.stop()
        assert not psutil.pid_exists(postmaster_id)


async def test_starter_may_leave_first_in_one_process(tmp_path: Path) -> None:
    """Two uses within one process are two users."""
    first, second = EmbeddedPostgres(tmp_path), EmbeddedPostgres(tmp_path)
    await first.start()
    await second.start()
    await first.stop()
    assert "on" == await setting(second, "fsync")
    await second.stop()
    assert find_running(tmp_path) is None


async def test_failed_start_shows_the_log(tmp_path: Path) -> None:
    """When Postgres refuses to start, the error carries its reason, and a repaired folder starts."""
    async with EmbeddedPostgres(tmp_path) as server:
        pass
    settings = tmp_path / "postgres" / "postgresql.conf"
    good = settings.read_text()
    settings.write_text(good + "nonsense = 1\n")
    with pytest.raises(EmbeddedPostgresError, match='unrecognized configuration parameter "nonsense"'):
        await server.start()
    settings.write_text(good)
    async with server:
        assert "on" == await setting(server, "fsync")


async def test_interrupted_initdb_is_begun_afresh(tmp_path: Path) -> None:
    """What an interrupted first start left is removed."""
    (tmp_path / "postgres.unfinished" / "base").mkdir(parents=True)
    async with EmbeddedPostgres(tmp_path) as server:
        assert "on" == await setting(server, "data_checksums")
    assert not (tmp_path / "postgres.unfinished").exists()


async def test_cancelled_start_leaves_nothing_running(tmp_path: Path) -> None:
    """A start that is cancelled half-way ends what it began, and the folder stays usable."""
    server = EmbeddedPostgres(tmp_path)
    task = asyncio.create_task(server.start())
    await eventually((tmp_path / "postgres.log").exists, "the start is under way")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with server:
        assert "on" == await setting(server, "fsync")


@needs_root
async def test_root_below_a_closed_folder_changes_no_other_mode(tmp_path: Path) -> None:
    """Root's server, run as another user, works below a folder of mode 0700 and leaves all folders above as they were."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    data_dir = closed / "data"

    def modes() -> list[tuple[int, int, int]]:
        return [
            (status.st_mode, status.st_uid, status.st_gid) for status in (p.stat() for p in data_dir.parents)
        ]

    before = modes()
    async with EmbeddedPostgres(data_dir) as server:
        assert 0 not in psutil.Process(server.postmaster_id).uids()
        assert before == modes()
    assert before == modes()


@needs_root
async def test_root_without_the_right_to_pass_names_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the server's user cannot reach the files, as on macOS, the error names the closed folder."""
    monkeypatch.setattr("exchange.log.postgres_cluster._capability_to_pass_folders", lambda: None)
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    # The outermost closed folder is named: pytest's own is closed too.
    outermost = next(
        p for p in [*reversed(tmp_path.parents), tmp_path, closed] if not p.stat().st_mode & 0o001
    )
    with pytest.raises(EmbeddedPostgresError, match=f"cannot pass the folder {re.escape(str(outermost))}:"):
        await EmbeddedPostgres(closed / "data").start()


@needs_root
async def test_ordinary_user(tmp_path: Path) -> None:
    """An ordinary user's server runs as that user, on files of that user."""
    user_id = pwd.getpwnam("nobody").pw_uid
    data_dir = tmp_path / "data"
    data_dir.mkdir(mode=0o700)
    os.chown(data_dir, user_id, user_id)
    async with user_process(data_dir, user_id) as user:
        await user.ready()
        assert {user_id} == set(psutil.Process(user.postmaster_id).uids())
        assert user_id == (data_dir / "postgres.password").stat().st_uid
        await user.leave()


@needs_root
async def test_files_of_another_user_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An ordinary user who meets files that root's exchange made is told whose they are."""
    async with EmbeddedPostgres(tmp_path) as server:
        pass
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(EmbeddedPostgresError, match="belongs to user"):
        await server.start()


def test_log_file_is_bounded(tmp_path: Path) -> None:
    """The log keeps its newest lines and one older file, both within the limit."""
    log = BoundedLog(tmp_path / "log", limit_bytes=100)
    for number in range(100):
        log.write(b"line %02d\n" % number)
    log.close()
    assert ["log", "log.1"] == sorted(path.name for path in tmp_path.iterdir())
    kept = (tmp_path / "log.1").read_bytes() + (tmp_path / "log").read_bytes()
    assert kept.endswith(b"line 98\nline 99\n")
    assert all(path.stat().st_size <= 100 for path in tmp_path.iterdir())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
def test_a_log_on_a_full_disk() -> None:
    """A line that the disk does not take is lost; who wrote it goes on."""
    log = BoundedLog(Path("/dev/full"))
    with pytest.raises(OSError, match="No space left"):
        log._file.write(b"line\n")
    log.write(b"line\n")
    log.close()


def test_looking_at_a_lock_takes_it_from_nobody(tmp_path: Path) -> None:
    """A look at a free lock leaves it free."""
    lock = tmp_path / "lock"
    lock.touch()
    assert embedded._is_free(lock)
    assert embedded._is_free(lock)
