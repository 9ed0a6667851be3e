-- A row for each foreign key of a table of 1,000 rows or more that no index can answer.
-- Locks: catalogs, access share.
select
    k.conrelid::regclass::text || '.' || f.names as object,
    case when c.reltuples >= 100000 then 'warning' else 'notice' end as severity,
    format('%s (%s) refers to %s, and no index begins with that', k.conrelid::regclass, f.names, k.confrelid::regclass)
        as summary,
    json_build_object(
        'table', k.conrelid::regclass::text, 'constraint', k.conname, 'rows', c.reltuples::int8,
        'on_delete', k.confdeltype,
        'probe_sql', format(
            'select 1 from only %1$s where (%2$s) = (select %2$s from only %1$s where (%2$s) is not null limit 1)', k.conrelid::regclass,
            f.quoted
        )
    )::text as evidence,
    format('create index concurrently %I on %s (%s)', f.index_name, k.conrelid::regclass, f.quoted) as fix_sql,
    format('drop index concurrently if exists %I.%I', n.nspname, f.index_name) as undo_sql
from pg_constraint k
join pg_class c on c.oid = k.conrelid
join pg_namespace n on n.oid = c.relnamespace
cross join lateral (
    select
        string_agg(a.attname, ', ' order by u.at) as names,
        string_agg(quote_ident(a.attname), ', ' order by u.at) as quoted,
        left(c.relname || '_' || string_agg(a.attname, '_' order by u.at), 54) || '_fk_idx' as index_name
    from unnest(k.conkey) with ordinality as u (attnum, at)
    join pg_attribute a on a.attrelid = k.conrelid and a.attnum = u.attnum
) f
where k.contype = 'f' and c.relkind = 'r' and c.reltuples >= 1000 and k.conparentid = 0 and n.nspname not in ('pg_catalog', 'information_schema', 'courant') and n.nspname !~ '^pg_'
    and not exists (
        select from pg_index i
        where i.indrelid = k.conrelid and i.indisvalid
            -- An index of those rows alone that have the column serves the check as well.
            and (
                i.indpred is null
                or pg_get_expr(i.indpred, i.indrelid) = format('(%s IS NOT NULL)', f.quoted)
            )
            and (string_to_array(i.indkey::text, ' ')::int2[])[1:cardinality(k.conkey)] @> k.conkey
    )
order by c.reltuples desc, 1
