-- Has a setting ($1) be again what it is for the session. One row. Locks: none.
select pg_catalog.set_config($1, null, true)
