-- Returns one row: what transactions are visible now. Takes no lock.
select pg_catalog.pg_current_snapshot()::text as snapshot
