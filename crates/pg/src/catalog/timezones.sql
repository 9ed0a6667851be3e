-- The names of time zones that the server knows. One row each. Locks: none.
select name from pg_catalog.pg_timezone_names
