-- What Courant sends for a point read, all at once (see crates/pg/src/session). Returns one row; locks nothing.
\set id random(1, 100000)
\startpipeline
begin read only;
set local courant.flight = '1';
select
    case
        when pg_catalog.current_setting('courant.flight', true) is distinct from :flight::text
        then pg_catalog.pg_terminate_backend(pg_catalog.pg_backend_pid())
    end,
    pg_catalog.set_config(setting.name, setting.value, true)
from
    rows from (pg_catalog.unnest(:names::text[]), pg_catalog.unnest(:values::text[])) as setting (name, value);
{statement};
commit;
\endpipeline
