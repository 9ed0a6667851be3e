-- Columns of all relations outside the system's schemas, by relation and number. One row each.
-- Locks: AccessShareLock on the catalogs.
select
    a.attrelid,
    a.attnum,
    a.attname,
    a.atttypid,
    pg_catalog.format_type(a.atttypid, a.atttypmod) as type_name,
    a.attnotnull or (t.typtype = 'd' and t.typnotnull) as not_null,
    a.atthasdef or a.attidentity <> '' or (t.typtype = 'd' and t.typdefault is not null) as has_default,
    a.attgenerated <> '' as generated,
    coalesce(l.collisdeterministic, true) as deterministic,
    t.typtype,
    a.attacl is not null as granted,
    case
        when a.attidentity = 'd' then 'nextval(' || pg_catalog.quote_literal(
            pg_catalog.pg_get_serial_sequence(
                pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname), a.attname
            )
        ) || ')'
        when a.attgenerated = '' then coalesce(pg_catalog.pg_get_expr(d.adbin, d.adrelid), t.typdefault)
    end as default_expression
from pg_catalog.pg_attribute a
join pg_catalog.pg_class c on c.oid = a.attrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_type t on t.oid = a.atttypid
left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
left join pg_catalog.pg_collation l on l.oid = a.attcollation
where c.relkind in ('r', 'p', 'v', 'm', 'f')
    and n.nspname not in ('pg_catalog', 'information_schema')
    and a.attnum > 0
    and not a.attisdropped
order by a.attrelid, a.attnum
