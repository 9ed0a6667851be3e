-- A row for each column of a table of 10,000 rows or more that a policy compares and no index begins with.
-- Locks: catalogs, access share.
select distinct on (c.oid, a.attnum)
    c.oid::regclass::text || '.' || a.attname as object,
    case when c.reltuples >= 100000 then 'warning' else 'notice' end as severity,
    format('the policy %I compares %I of %s (%s rows), and no index begins with it', p.polname, a.attname, c.oid::regclass,
        c.reltuples::int8) as summary,
    json_build_object(
        'table', c.oid::regclass::text, 'policy', p.polname, 'rows', c.reltuples::int8,
        'probe_sql', format(
            'select 1 from only %1$s where %2$I = (select %2$I from only %1$s where %2$I is not null limit 1)', c.oid::regclass, a.attname
        )
    )::text as evidence,
    format('create index concurrently %I on %s (%I)', w.index_name, c.oid::regclass, a.attname) as fix_sql,
    format('drop index concurrently if exists %I.%I', n.nspname, w.index_name) as undo_sql
from pg_policy p
join pg_class c on c.oid = p.polrelid
join pg_namespace n on n.oid = c.relnamespace
join pg_depend d on d.classid = 'pg_policy'::regclass and d.objid = p.oid and d.refclassid = 'pg_class'::regclass
    and d.refobjid = c.oid and d.refobjsubid > 0
join pg_attribute a on a.attrelid = c.oid and a.attnum = d.refobjsubid
left join pg_stats s on s.schemaname = n.nspname and s.tablename = c.relname and s.attname = a.attname and not s.inherited
cross join lateral (select left(c.relname || '_' || a.attname, 54) || '_rls_idx' as index_name) w
where c.relrowsecurity and c.reltuples >= 10000 and a.atttypid <> 16 and n.nspname not in ('pg_catalog', 'information_schema', 'courant') and n.nspname !~ '^pg_'
    -- An index of two or three values would not be used.
    and (s.n_distinct is null or s.n_distinct < 0 or s.n_distinct > 4)
    and not exists (
        select from pg_index i where i.indrelid = c.oid and i.indisvalid and i.indpred is null and i.indkey[0] = a.attnum
    )
    -- A foreign key on the same column has a finding of its own.
    and not exists (
        select from pg_constraint k where k.conrelid = c.oid and k.contype = 'f' and k.conkey = array[a.attnum] and c.relkind = 'r'
    )
order by c.oid, a.attnum, p.polname
