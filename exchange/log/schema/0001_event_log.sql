-- The event log: the events, who may write them, snapshots of the state, and what people ask in SQL.

-- Columns in the order of `exchange.log.record.StoredEvent`; see `exchange.log.chain` for what `hash` covers.
-- Long payloads are compressed, as is the default: a deposit of 500 serial blocks takes 9 kB instead of 65, and is read as
-- quickly.
-- What is searched by sorts by its bytes: quick, and no upgrade of a library for sorting can damage the indexes.
CREATE TABLE event (
    seq bigint PRIMARY KEY CHECK (seq > 0),
    epoch bigint NOT NULL,
    command bigint NOT NULL,
    recorded_at bigint NOT NULL,
    kind text COLLATE "C" NOT NULL,
    version smallint NOT NULL,
    instrument text COLLATE "C",
    account text COLLATE "C",
    counterparty text COLLATE "C",
    payload bytea NOT NULL,
    hash bytea NOT NULL
);
COMMENT ON COLUMN event.command IS 'seq of the first event of the same command';
COMMENT ON COLUMN event.recorded_at IS 'nanoseconds UTC, never decreasing with seq';
COMMENT ON COLUMN event.counterparty IS 'the other account of a trade or a decrement';

CREATE INDEX event_account ON event (account, seq) WHERE account IS NOT NULL;
CREATE INDEX event_counterparty ON event (counterparty, seq) WHERE counterparty IS NOT NULL;
CREATE INDEX event_fill ON event (instrument, seq) WHERE kind = 'fill';

CREATE FUNCTION refuse_change_of_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the log is never changed: % of event is refused', TG_OP;
END $$;

CREATE TRIGGER event_is_never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_event();

-- One row: who writes, or wrote last. Appends lock this row and change nothing in it. (A row that each append updated
-- would leave old versions behind; while a long transaction such as a backup runs they cannot be pruned, and every
-- append would have to walk over all of them.)
CREATE TABLE writer (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    epoch bigint NOT NULL,
    backend_pid integer,
    host text,
    pid integer,
    socket text,
    since timestamptz
);
COMMENT ON COLUMN writer.backend_pid IS 'the server process whose session holds, or held, the lease';
INSERT INTO writer (epoch) VALUES (0);

CREATE VIEW log_head AS
    SELECT writer.epoch, coalesce(last.seq, 0) AS last_seq, last.hash
    FROM writer LEFT JOIN (SELECT seq, hash FROM event ORDER BY seq DESC LIMIT 1) AS last ON true;

-- The compare-and-set. Until the transaction ends nobody can raise the epoch, and nobody else can append.
CREATE FUNCTION lock_log(writer_epoch bigint, expected_last_seq bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    found_last_seq bigint;
BEGIN
    PERFORM FROM writer WHERE epoch = writer_epoch FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING errcode = 'LF001', message = format(
            'epoch %s is over: epoch %s writes the log', writer_epoch, (SELECT epoch FROM writer));
    END IF;
    -- A statement of its own, so that it sees what was committed while the lock was waited for.
    SELECT seq INTO found_last_seq FROM event ORDER BY seq DESC LIMIT 1;
    IF coalesce(found_last_seq, 0) <> expected_last_seq THEN
        RAISE EXCEPTION USING errcode = 'LF001', message = format(
            'the log ends at event %s, not at %s', coalesce(found_last_seq, 0), expected_last_seq);
    END IF;
END $$;

-- To be called in the transaction of `lock_log` after `appended` rows came in. Each has a seq of its own above the expected
-- last one (below, all numbers are taken); so if the highest fits, there is no gap.
CREATE FUNCTION check_appended(expected_last_seq bigint, appended bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    found_last_seq bigint;
BEGIN
    SELECT seq INTO found_last_seq FROM event ORDER BY seq DESC LIMIT 1;
    IF found_last_seq <> expected_last_seq + appended THEN
        RAISE EXCEPTION '% events after event % cannot end at event %', appended, expected_last_seq, found_last_seq;
    END IF;
END $$;

-- A whole append in one round trip.
CREATE FUNCTION append_events(writer_epoch bigint, expected_last_seq bigint, events event[])
    RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM lock_log(writer_epoch, expected_last_seq);
    INSERT INTO event SELECT * FROM unnest(events);
    PERFORM check_appended(expected_last_seq, cardinality(events));
END $$;

-- The first event that was recorded at or after a time (nanoseconds UTC), or the seq that comes next. Time does not run
-- backwards in the log, so halving finds it without an index.
CREATE FUNCTION first_seq_at(at bigint) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
    low bigint := 1;
    high bigint := (SELECT last_seq + 1 FROM log_head);
    middle bigint;
BEGIN
    WHILE low < high LOOP
        middle := (low + high) / 2;
        IF (SELECT recorded_at >= at FROM event WHERE seq = middle) THEN
            high := middle;
        ELSE
            low := middle + 1;
        END IF;
    END LOOP;
    RETURN low;
END $$;

-- jsonb cannot hold the character U+0000, which requests from outside may contain: it is shown as U+FFFD. An even number
-- of backslashes before it are backslashes.
CREATE FUNCTION payload_json(payload bytea) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN position('\u0000' IN body) = 0 THEN body
        ELSE regexp_replace(body, '(?<!\\)((?:\\\\)*)\\u0000', '\1\\ufffd', 'g') END::jsonb
    FROM convert_from(payload, 'UTF8') AS body
$$;

CREATE VIEW event_json AS
    SELECT seq, epoch, command,
        timestamptz '1970-01-01 00:00:00+00' + recorded_at / 1000 * interval '1 microsecond' AS recorded_at,
        kind, version, instrument, account, counterparty, payload_json(payload) AS payload
    FROM event;
COMMENT ON VIEW event_json IS 'the log to be read by people; recorded_at to the microsecond';

CREATE TABLE snapshot (
    seq bigint PRIMARY KEY,
    chain_hash bytea NOT NULL,
    program text NOT NULL,
    taken_at timestamptz NOT NULL DEFAULT now(),
    digest text NOT NULL,
    state bytea NOT NULL
);
COMMENT ON COLUMN snapshot.chain_hash IS 'hash of the last event in the state';
COMMENT ON COLUMN snapshot.digest IS 'SHA-256 of the state before compression, as hexadecimal text';
COMMENT ON COLUMN snapshot.state IS 'compressed by zlib';
-- It is compressed already.
ALTER TABLE snapshot ALTER COLUMN state SET STORAGE EXTERNAL;
