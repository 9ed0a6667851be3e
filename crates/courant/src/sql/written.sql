-- Returns one row: where the next log record will be written. All that was committed before lies below. Takes no lock.
select pg_catalog.pg_current_wal_insert_lsn()::text as position
