-- The registry: who holds which serial number, and how it came there. Every row follows from the event log alone: all of
-- this can be dropped and built again, and comes out the same, byte for byte (but `settler`, which is about processes).
--
-- Made with the search path set to its own Postgres schema; `registry` is the one in use. Columns called `seq` are seqs of
-- the log. Serial numbers `first` and `last` are both included. Quantities are units, cash is in minor units.

-- One row: who settles, or did last, and for which form of this schema.
CREATE TABLE settler (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    form text NOT NULL,
    generation bigint NOT NULL,
    backend_pid integer,
    host text,
    pid integer,
    since timestamptz
);
COMMENT ON COLUMN settler.form IS 'digest of the file that made this schema';
COMMENT ON COLUMN settler.generation IS 'raised by everybody who takes over; transactions of an older generation are refused';

-- One row: up to where the log is settled.
CREATE TABLE checkpoint (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    seq bigint NOT NULL CHECK (seq >= 0),
    hash bytea NOT NULL,
    recorded_at bigint NOT NULL,
    movements bigint NOT NULL,
    digest bytea NOT NULL
);
COMMENT ON COLUMN checkpoint.hash IS 'of the event, in the chain of the log';
COMMENT ON COLUMN checkpoint.recorded_at IS 'of the event, nanoseconds UTC';
COMMENT ON COLUMN checkpoint.movements IS 'rows of movement so far';
COMMENT ON COLUMN checkpoint.digest IS 'of all of them, see exchange.registry.rows.digest_after';

CREATE TABLE credit_class (
    class_id text PRIMARY KEY,
    seq bigint NOT NULL,
    registry text NOT NULL,
    project text NOT NULL,
    name text NOT NULL,
    vintage integer NOT NULL,
    unit text NOT NULL,
    country text NOT NULL,
    labels text[] NOT NULL,
    crediting text NOT NULL CHECK (crediting IN ('', 'ex_post', 'ex_ante'))
);
COMMENT ON COLUMN credit_class.crediting IS 'as the class says itself; empty: as its project';
CREATE INDEX credit_class_project ON credit_class (registry, project);

-- What projects were described as; the newest description counts. Projects that nobody described are not here.
CREATE TABLE project (
    registry text NOT NULL,
    project text NOT NULL,
    seq bigint NOT NULL,
    name text NOT NULL,
    country text NOT NULL,
    project_type text NOT NULL,
    methodology text NOT NULL,
    mitigation text NOT NULL,
    crediting text NOT NULL,
    PRIMARY KEY (registry, project, seq)
);

-- What it takes to read the prices of trades.
CREATE TABLE instrument (
    instrument text PRIMARY KEY,
    seq bigint NOT NULL,
    tick bigint NOT NULL,
    price_decimals integer NOT NULL
);
COMMENT ON COLUMN instrument.tick IS 'in units of 10**-price_decimals of the currency';

CREATE TABLE batch (
    batch_id integer PRIMARY KEY,
    seq bigint NOT NULL,
    registry text NOT NULL,
    batch text NOT NULL,
    UNIQUE (registry, batch)
);
COMMENT ON COLUMN batch.batch_id IS 'batches count from 1 as they first come in';
COMMENT ON COLUMN batch.batch IS 'the serial numbers'' text with placeholders for the running numbers';

-- Where every serial number is now. It is in one row only: the exclusion constraint refuses any other. Neighbours are one
-- row if the same account holds them, or if they ended in the same way, by whomever. How they came there: movement.
CREATE TABLE holding (
    batch_id integer NOT NULL,
    first bigint NOT NULL CHECK (first > 0),
    last bigint NOT NULL,
    serials int8range NOT NULL GENERATED ALWAYS AS (int8range(first, last, '[]')) STORED,
    class_id text NOT NULL,
    place text NOT NULL CHECK (place IN
        ('held', 'locked', 'frozen', 'retired', 'cancelled', 'moved', 'converted', 'expired', 'withdrawn')),
    account text NOT NULL,
    trade bigint CHECK ((trade IS NULL) = (place <> 'locked')),
    PRIMARY KEY (batch_id, first)
);
-- With a header of full length, as an index compares them: of short ones it makes a copy for each comparison, which was
-- half of the time that the constraint takes. Only indexes made later go by it.
ALTER TABLE holding ALTER serials SET STORAGE PLAIN;
-- A batch as a point: the operator class of points is built in, while the one of integers needs the extension
-- btree_gist, which not every server has; and it was the quickest of the forms that were tried.
ALTER TABLE holding ADD CONSTRAINT one_place_for_every_serial
    EXCLUDE USING gist (point(batch_id, 0) WITH ~=, serials WITH &&);
COMMENT ON COLUMN holding.serials IS 'the same interval, half open';
COMMENT ON COLUMN holding.account IS 'who holds the units, or the seller of those that are locked; empty where they ended: see movement';
COMMENT ON COLUMN holding.trade IS 'seq of the trade that the units are locked for';
CREATE INDEX holding_account ON holding (account, class_id);

-- How serial numbers came from place to place. Place `outside`: not here before.
CREATE TABLE movement (
    seq bigint NOT NULL,
    n integer NOT NULL,
    kind text NOT NULL,
    class_id text NOT NULL,
    batch_id integer NOT NULL,
    first bigint NOT NULL,
    last bigint NOT NULL,
    from_place text NOT NULL,
    from_account text NOT NULL,
    to_place text NOT NULL,
    to_account text NOT NULL,
    trade bigint,
    PRIMARY KEY (seq, n)
);
COMMENT ON COLUMN movement.n IS 'counts the movements of an event from 1';
COMMENT ON COLUMN movement.kind IS 'of the event';
COMMENT ON COLUMN movement.trade IS 'seq of the trade that units are locked for, or were';
CREATE INDEX movement_batch ON movement (batch_id, seq);

-- The life of a serial number asks for all movements that it was part of. Each movement stands under one number of its own
-- interval, the one that is divisible by the highest power of two (a relational interval tree): any other interval that
-- contains a given number stands under one of some sixty numbers, which `exchange.registry.provenance` names. For the
-- planner this is an ordinary index, and a movement costs one more entry in it.
CREATE FUNCTION fork_node(first bigint, last bigint) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN last & ((-1)::bigint << (64 - position(B'1' in ((first - 1) # last)::bit(64))));
CREATE INDEX movement_serials ON movement (batch_id, fork_node(first, last), seq);
-- Other serials for a trade: no posting tells of it.
CREATE INDEX movement_relocked ON movement (from_account, seq) WHERE kind = 'lock_replaced';
-- Few of all movements: what retired, what else ended, and either by class.
CREATE INDEX movement_retired ON movement (seq, n) WHERE to_place = 'retired';
CREATE INDEX movement_cancelled ON movement (seq, n) WHERE to_place NOT IN ('held', 'locked', 'frozen', 'retired');
CREATE INDEX movement_ended_class ON movement (class_id, seq, n) WHERE to_place NOT IN ('held', 'locked', 'frozen');

-- What each event did to an account's cash and units, by the ledger: the account's statement. The serial numbers are in the
-- movements of the same seq.
CREATE TABLE posting (
    account text NOT NULL,
    asset text NOT NULL,
    seq bigint NOT NULL,
    change bigint NOT NULL,
    balance bigint NOT NULL,
    PRIMARY KEY (account, asset, seq)
);
COMMENT ON COLUMN posting.asset IS 'a currency or a credit class';
COMMENT ON COLUMN posting.balance IS 'after the event, what is held or locked included';

-- The ledger's side, by the entries of the events: what accounts own of each asset at the checkpoint.
CREATE TABLE balance (
    account text NOT NULL,
    asset text NOT NULL,
    total bigint NOT NULL CHECK (total >= 0),
    seq bigint NOT NULL,
    PRIMARY KEY (account, asset)
);
COMMENT ON COLUMN balance.asset IS 'a currency or a credit class';
COMMENT ON COLUMN balance.seq IS 'the last event that changed it';

-- Units of each class by place, from the serial numbers; held, locked and frozen ones are what the ledger says that accounts own.
CREATE TABLE class_total (
    class_id text PRIMARY KEY,
    seq bigint NOT NULL,
    issued bigint NOT NULL,
    held bigint NOT NULL CHECK (held >= 0),
    locked bigint NOT NULL CHECK (locked >= 0),
    frozen bigint NOT NULL CHECK (frozen >= 0),
    retired bigint NOT NULL CHECK (retired >= 0),
    cancelled bigint NOT NULL CHECK (cancelled >= 0),
    moved bigint NOT NULL CHECK (moved >= 0),
    converted bigint NOT NULL CHECK (converted >= 0),
    expired bigint NOT NULL CHECK (expired >= 0),
    withdrawn bigint NOT NULL CHECK (withdrawn >= 0),
    CONSTRAINT what_came_in_is_somewhere CHECK
        (issued = held + locked + frozen + retired + cancelled + moved + converted + expired + withdrawn)
);
COMMENT ON COLUMN class_total.seq IS 'the last event that changed it';
COMMENT ON COLUMN class_total.issued IS 'that came in as this class, those that came back after a withdrawal counted once';

-- Serial numbers as they first came in, by deposit, issue or move; those that left and came back are in movement only.
CREATE TABLE issuance (
    seq bigint NOT NULL,
    n integer NOT NULL,
    kind text NOT NULL,
    class_id text NOT NULL,
    batch_id integer NOT NULL,
    first bigint NOT NULL,
    last bigint NOT NULL,
    account text NOT NULL,
    reference text NOT NULL,
    recorded_at bigint NOT NULL,
    PRIMARY KEY (seq, n)
);
COMMENT ON COLUMN issuance.n IS 'of the movement';
CREATE INDEX issuance_class ON issuance (class_id, seq);

-- The serial numbers of a retirement are its movements.
CREATE TABLE retirement (
    seq bigint PRIMARY KEY,
    account text NOT NULL,
    quantity bigint NOT NULL,
    beneficiary text NOT NULL,
    purpose text NOT NULL,
    reference text NOT NULL,
    rule text NOT NULL,
    order_id bigint,
    recorded_at bigint NOT NULL
);
COMMENT ON COLUMN retirement.rule IS 'that chose the serial numbers; empty where they were named';
COMMENT ON COLUMN retirement.order_id IS 'the buy order that asked for it, if one did';
CREATE INDEX retirement_account ON retirement (account, seq);

CREATE TABLE business_day (
    business_date date PRIMARY KEY,
    seq bigint NOT NULL
);
COMMENT ON COLUMN business_day.seq IS 'the event that began the day: what comes after it is of this day, until that of the next';

-- Trades that settle later than they are made: what of theirs is locked is in `movement`.
CREATE TABLE deferred_trade (
    trade bigint PRIMARY KEY,
    instrument text NOT NULL,
    buyer text NOT NULL,
    seller text NOT NULL,
    currency text NOT NULL,
    amount bigint NOT NULL,
    buyer_fee bigint NOT NULL,
    seller_fee bigint NOT NULL,
    settlement_date date NOT NULL
);
COMMENT ON COLUMN deferred_trade.trade IS 'seq of the trade';
CREATE INDEX deferred_trade_buyer ON deferred_trade (buyer, trade);
CREATE INDEX deferred_trade_seller ON deferred_trade (seller, trade);

CREATE TABLE settled_trade (
    trade bigint PRIMARY KEY,
    seq bigint NOT NULL
);
COMMENT ON COLUMN settled_trade.seq IS 'the event that settled it, or undid it';

-- The first thing in every transaction that settles. Until it ends nobody else can settle or take over.
CREATE FUNCTION lock_registry(our_generation bigint, expected_seq bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    found_generation bigint;
    found_seq bigint;
BEGIN
    -- An advisory lock ("exch") and no row's, so that a rebuild may replace the tables meanwhile.
    PERFORM pg_advisory_xact_lock(x'65786368'::integer, hashtext(current_schema()));
    SELECT generation INTO found_generation FROM settler;
    SELECT seq INTO found_seq FROM checkpoint;
    IF found_generation <> our_generation OR found_seq <> expected_seq THEN
        RAISE EXCEPTION USING errcode = 'RG001', message = format(
            'settlement was taken over: generation %s at event %s, not %s at event %s',
            found_generation, found_seq, our_generation, expected_seq);
    END IF;
END $$;
