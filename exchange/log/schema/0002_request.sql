-- What was asked stands beside what happened: the request of a command in the row of its first event, so that the log can
-- be executed again. A new order's first event carries the order whole; there it is not written twice.
ALTER TABLE event ADD COLUMN request bytea;
COMMENT ON COLUMN event.request IS 'the request as JSON, in the first row of its command; NULL where the payload carries it';

CREATE OR REPLACE VIEW event_json AS
    SELECT seq, epoch, command,
        timestamptz '1970-01-01 00:00:00+00' + recorded_at / 1000 * interval '1 microsecond' AS recorded_at,
        kind, version, instrument, account, counterparty, payload_json(payload) AS payload,
        payload_json(request) AS request
    FROM event;
