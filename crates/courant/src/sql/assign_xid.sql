-- Returns one row: a transaction id, assigned by this statement's own transaction. Takes no lock.
select pg_catalog.pg_current_xact_id()::text as xid
