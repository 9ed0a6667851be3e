-- Who can be seen to have committed. One row. Locks: none.
select pg_catalog.pg_current_snapshot()::text
