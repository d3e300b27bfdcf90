-- What FIX sessions must not forget: their numbers, and what they sent. It is the gateway's own memory, not part of the log:
-- execution reports stand here as the seq of their event and how the order stood then, and are made again from the log.
CREATE SCHEMA fix;

CREATE TABLE fix.session (
    comp_id text COLLATE "C" PRIMARY KEY,
    registered_seq bigint NOT NULL,
    next_incoming bigint NOT NULL CHECK (next_incoming > 0),
    next_outgoing bigint NOT NULL CHECK (next_outgoing > 0),
    reported_seq bigint NOT NULL,
    dealt_with bigint[] NOT NULL
);
COMMENT ON COLUMN fix.session.comp_id IS 'of the counterparty';
COMMENT ON COLUMN fix.session.registered_seq IS 'event that registered it; a later registration begins anew';
COMMENT ON COLUMN fix.session.dealt_with IS 'incoming numbers above the next one that need not come again';
COMMENT ON COLUMN fix.session.reported_seq IS 'all events up to this one that concern the account have numbers';

CREATE TABLE fix.message (
    comp_id text COLLATE "C" NOT NULL,
    number bigint NOT NULL,
    sent_at bigint NOT NULL,
    order_id bigint,
    event_seq bigint,
    standing bytea,
    body bytea,
    PRIMARY KEY (comp_id, number),
    CHECK ((event_seq IS NULL) = (standing IS NULL) AND (event_seq IS NULL) <> (body IS NULL))
);
COMMENT ON TABLE fix.message IS 'what is sent again when the counterparty asks; numbers that are missing are filled';
COMMENT ON COLUMN fix.message.sent_at IS 'nanoseconds UTC';
COMMENT ON COLUMN fix.message.standing IS 'the order after the event, as JSON';
COMMENT ON COLUMN fix.message.body IS 'the whole message, where it is about no event of the log';

CREATE INDEX message_order ON fix.message (comp_id, order_id, number) WHERE order_id IS NOT NULL;

-- All that one turn of a gateway changes, in one round trip. Numbers are only given out once: a gateway that does not know
-- what another one sent is stopped here.
CREATE FUNCTION fix.save(reset text[], sessions fix.session[], expected bigint[], messages fix.message[])
    RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    ahead text;
BEGIN
    IF cardinality(reset) > 0 THEN
        DELETE FROM fix.message WHERE comp_id = ANY (reset);
        DELETE FROM fix.session WHERE comp_id = ANY (reset);
    END IF;
    SELECT string_agg(known.comp_id, ', ') INTO ahead
    FROM unnest(sessions, expected) AS saved
        (comp_id, registered_seq, next_incoming, next_outgoing, reported_seq, dealt_with, expected)
    JOIN fix.session AS known USING (comp_id) WHERE known.next_outgoing <> saved.expected;
    IF ahead IS NOT NULL THEN
        RAISE EXCEPTION USING errcode = 'FX001', message = format('another gateway serves %s', ahead);
    END IF;
    INSERT INTO fix.session SELECT * FROM unnest(sessions)
    ON CONFLICT (comp_id) DO UPDATE SET registered_seq = excluded.registered_seq,
        next_incoming = excluded.next_incoming, next_outgoing = excluded.next_outgoing,
        reported_seq = excluded.reported_seq, dealt_with = excluded.dealt_with;
    INSERT INTO fix.message SELECT * FROM unnest(messages);
END $$;
