-- Rows: for each view of the user's and each column of it that bears the name of an indexed column of one large table that
-- it reads: the view, its bare name, the column, the table, the table's rows, a value of the column, the type that the value
-- has in the view, and the one that it has in the table. A name that two of the view's tables have is left out: it cannot be told which of
-- them is meant. Locks: catalogs, access share.
with named as (
    select
        v.oid as view, v.relname as view_name, c.oid as relation, c.reltuples, n.nspname, c.relname, a.attname, a.attnum, a.atttypid,
        a.atttypmod, va.atttypid as view_typid, va.atttypmod as view_typmod,
        count(*) over (partition by v.oid, a.attname) as alike
    from pg_class v
    join pg_namespace vn on vn.oid = v.relnamespace
    join pg_rewrite r on r.ev_class = v.oid and r.ev_type = '1'
    join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid and d.refclassid = 'pg_class'::regclass
        and d.refobjsubid > 0 and d.refobjid <> v.oid
    join pg_class c on c.oid = d.refobjid
    join pg_namespace n on n.oid = c.relnamespace
    join pg_attribute a on a.attrelid = c.oid and a.attnum = d.refobjsubid
    join pg_attribute va on va.attrelid = v.oid and va.attname = a.attname and not va.attisdropped
    where v.relkind = 'v' and vn.nspname not in ('pg_catalog', 'information_schema', 'courant') and vn.nspname !~ '^pg_'
        and not exists (
            select from pg_depend e where e.classid = 'pg_class'::regclass and e.objid = v.oid and e.deptype = 'e'
        )
)
select
    k.view::regclass::text, k.view_name::text, k.attname::text, k.relation::regclass::text, k.reltuples::float8,
    coalesce((s.histogram_bounds::text::text[])[2], (s.most_common_vals::text::text[])[1]),
    format_type(k.view_typid, k.view_typmod), format_type(k.atttypid, k.atttypmod)
from named k
join pg_stats s on s.schemaname = k.nspname and s.tablename = k.relname and s.attname = k.attname and not s.inherited
where k.alike = 1 and k.reltuples >= 10000 and (s.n_distinct < 0 or s.n_distinct >= 100)
    and coalesce((s.histogram_bounds::text::text[])[2], (s.most_common_vals::text::text[])[1]) is not null
    and exists (
        select from pg_index i
        where i.indrelid = k.relation and i.indisvalid and i.indpred is null and i.indkey[0] = k.attnum
    )
order by k.reltuples desc, 1, 3
limit 300
