-- One node at a time works on Courant's objects in this database. One row.
-- Locks: an advisory lock until the transaction's end.
select pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('courant.schema', 0))
