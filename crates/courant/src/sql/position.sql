-- Returns one row: where the next log record will be written, how far the log has been flushed, and the current
-- snapshot. Takes no lock.
select
    pg_catalog.pg_current_wal_insert_lsn()::text as position,
    pg_catalog.pg_current_wal_flush_lsn()::text as flushed,
    pg_catalog.pg_current_snapshot()::text as snapshot
