-- Sets the settings and the role of the transaction that was begun as flight $1, or ends the connection if
-- that transaction was not begun. Returns one row per setting. Takes no locks.
select
    case
        when pg_catalog.current_setting('courant.flight', true) is distinct from $1::text
        then pg_catalog.pg_terminate_backend(pg_catalog.pg_backend_pid())
    end,
    pg_catalog.set_config(setting.name, setting.value, true)
from
    rows from (pg_catalog.unnest($2::text[]), pg_catalog.unnest($3::text[])) as setting (name, value)
