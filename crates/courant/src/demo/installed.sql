-- Returns one row: whether the example's schema is in this database. Takes no lock.
select pg_catalog.to_regclass('public.vapi_calls') is not null as installed
