-- The settings of roles (`alter role … set`), as far as this login may set them for a transaction: those that anybody
-- may set and, since PostgreSQL 15, those that were granted to it. What is said for this database comes after what is
-- said for all. One row per setting. Locks: AccessShareLock on the catalogs.
with setting as (
    select
        r.rolname,
        s.setdatabase <> 0 as of_database,
        pg_catalog.split_part(entry, '=', 1) as name,
        pg_catalog.substr(entry, pg_catalog.strpos(entry, '=') + 1) as value
    from pg_catalog.pg_db_role_setting s
    join pg_catalog.pg_roles r on r.oid = s.setrole
    cross join unnest(s.setconfig) entry
    where s.setdatabase in (0, (select d.oid from pg_catalog.pg_database d where d.datname = current_database()))
)
select setting.rolname, setting.name, setting.value
from setting
join pg_catalog.pg_settings known on known.name = setting.name
where known.name not in ('transaction_isolation', 'transaction_read_only', 'transaction_deferrable')
    and case
        when known.context = 'user' then true
        when known.context <> 'superuser' then false
        when current_setting('server_version_num')::int < 150000 then current_setting('is_superuser')::boolean
        -- By name, since PostgreSQL 14 would not parse a call of what it does not have.
        else pg_catalog.query_to_xml(
            pg_catalog.format('select has_parameter_privilege(%L, ''set'') as granted', known.name), false, true, ''
        )::text like '%<granted>true</granted>%'
    end
order by setting.rolname, setting.of_database, setting.name
