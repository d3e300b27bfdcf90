-- Old events move out of the table into files (see `exchange.log.archive`); this row tells up to where, and the hash there,
-- so that what is left goes on from it.
CREATE TABLE archived (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    up_to_seq bigint NOT NULL CHECK (up_to_seq > 0),
    hash bytea NOT NULL,
    folder text NOT NULL
);
COMMENT ON COLUMN archived.folder IS 'where the files are, on the machine that made them';

CREATE OR REPLACE FUNCTION refuse_change_of_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('exchange.archiving', true) = 'on' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'the log is never changed: % of event is refused', TG_OP;
END $$;

-- Takes events out that stand in checked files; never the last one, from which the log goes on.
CREATE FUNCTION archive_events(up_to bigint, files_folder text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    last_hash bytea;
    removed bigint;
BEGIN
    SELECT hash INTO STRICT last_hash FROM event WHERE seq = up_to;
    IF NOT EXISTS (SELECT FROM event WHERE seq > up_to) THEN
        RAISE EXCEPTION 'event % is the last one and stays', up_to;
    END IF;
    PERFORM set_config('exchange.archiving', 'on', true);
    DELETE FROM event WHERE seq <= up_to;
    GET DIAGNOSTICS removed = ROW_COUNT;
    -- They end with events that are gone from here, and there is a newer one.
    DELETE FROM snapshot WHERE seq <= up_to;
    PERFORM set_config('exchange.archiving', 'off', true);
    INSERT INTO archived (up_to_seq, hash, folder) VALUES (up_to, last_hash, files_folder)
        ON CONFLICT (only_row) DO UPDATE
        SET up_to_seq = excluded.up_to_seq, hash = excluded.hash, folder = excluded.folder;
    RETURN removed;
END $$;

CREATE OR REPLACE FUNCTION first_seq_at(at bigint) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
    low bigint := coalesce((SELECT up_to_seq FROM archived), 0) + 1;
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
