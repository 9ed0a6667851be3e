-- A row for each sequence that has used more than half of what it or its column can hold.
-- Locks: catalogs, access share.
select
    coalesce(o.table_name || '.' || o.attname, c.oid::regclass::text) as object,
    case when u.used > 0.8 then 'critical' else 'warning' end as severity,
    format('%s has used %s %% of its numbers', coalesce(o.table_name || '.' || o.attname, c.oid::regclass::text),
        round(100 * u.used::numeric)) as summary,
    json_build_object('sequence', c.oid::regclass::text, 'last_value', q.last_value, 'max', u.ends_at)::text as evidence,
    case when o.attname is not null and o.atttypid <> 20 then
        format('alter table %s alter column %I type bigint;' || E'\n' || 'alter sequence %s as bigint',
            o.table_name, o.attname, c.oid::regclass)
    end as fix_sql,
    null as undo_sql
from pg_sequences q
join pg_namespace n on n.nspname = q.schemaname
join pg_class c on c.relnamespace = n.oid and c.relname = q.sequencename and c.relkind = 'S'
left join lateral (
    select d.refobjid::regclass::text as table_name, a.attname, a.atttypid
    from pg_depend d
    join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
    where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype in ('a', 'i') and d.refobjsubid > 0
    limit 1
) o on true
cross join lateral (
    select least(q.max_value, case o.atttypid when 21 then 32767 when 23 then 2147483647 else q.max_value end) as ends_at
) m
cross join lateral (select m.ends_at, q.last_value::float8 / m.ends_at as used) u
where q.increment_by > 0 and not q.cycle and q.last_value is not null and u.used > 0.5 and n.nspname not in ('pg_catalog', 'information_schema', 'courant') and n.nspname !~ '^pg_'
order by u.used desc, 1
