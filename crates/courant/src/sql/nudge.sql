-- Returns one row. Commits a logical message, and so flushes the log up to it; where `synchronous_commit` waits
-- for standbys, not for them. Takes no lock.
select
    pg_catalog.set_config('synchronous_commit', 'local', true),
    pg_catalog.pg_logical_emit_message(true, 'courant', '')::text
