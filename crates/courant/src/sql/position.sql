-- Returns one row: where the next log record will be written, and the current snapshot. Takes no lock.
select
    pg_catalog.pg_current_wal_insert_lsn()::text as position,
    pg_catalog.pg_current_snapshot()::text as snapshot
