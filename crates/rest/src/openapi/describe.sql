-- What a description of a schema ($1) says beyond the catalog, as JSON: comments, forms of types, and, if $2, only
-- what the role may use. One row, as every statement of a request returns it.
-- Locks: AccessShareLock on the catalogs and, for the moment, on views and foreign tables of the schema.
with recursive based (oid, base, modifier, next) as (
    select t.oid, t.typbasetype, t.typtypmod, b.typtype = 'd'
    from pg_catalog.pg_type t
    join pg_catalog.pg_type b on b.oid = t.typbasetype
    where t.typtype = 'd'
    union all
    select d.oid, t.typbasetype, t.typtypmod, b.typtype = 'd'
    from based d
    join pg_catalog.pg_type t on t.oid = d.base
    join pg_catalog.pg_type b on b.oid = t.typbasetype
    where d.next
),
columns as (
    select
        c.oid as relation,
        pg_catalog.json_agg(
            pg_catalog.json_build_object(
                'name', a.attname,
                'format', case
                    when n.nspname = 'pg_catalog' then pg_catalog.format_type(t.oid, null)
                    when t.typcategory = 'A' and e.oid is not null
                        then case when n.nspname = 'public' then '' else pg_catalog.quote_ident(n.nspname) || '.' end
                            || pg_catalog.quote_ident(e.typname) || '[]'
                    when n.nspname = 'public' then pg_catalog.quote_ident(t.typname)
                    else pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(t.typname)
                end,
                'length', case
                    when t.typname in ('bpchar', 'varchar') then nullif(coalesce(d.modifier, a.atttypmod), -1) - 4
                    when t.typname in ('bit', 'varbit') then nullif(coalesce(d.modifier, a.atttypmod), -1)
                end,
                'labels', case when t.typtype = 'e' then (
                    select pg_catalog.json_agg(l.enumlabel order by l.enumsortorder)
                    from pg_catalog.pg_enum l
                    where l.enumtypid = t.oid
                ) end,
                'comment', pg_catalog.col_description(c.oid, a.attnum)
            )
            order by a.attnum
        ) as described
    from pg_catalog.pg_class c
    join pg_catalog.pg_attribute a on a.attrelid = c.oid
    left join based d on d.oid = a.atttypid and not d.next
    join pg_catalog.pg_type t on t.oid = coalesce(d.base, a.atttypid)
    join pg_catalog.pg_namespace n on n.oid = t.typnamespace
    left join pg_catalog.pg_type e on e.oid = t.typelem
    where c.relnamespace = (select s.oid from pg_catalog.pg_namespace s where s.nspname = $1::text)
        and a.attnum > 0
        and not a.attisdropped
    group by c.oid
)
select
    pg_catalog.json_build_object(
        'comment', (
            select pg_catalog.obj_description(s.oid, 'pg_namespace')
            from pg_catalog.pg_namespace s
            where s.nspname = $1::text
        ),
        'relations', coalesce((
            select pg_catalog.json_agg(
                pg_catalog.json_build_object(
                    'name', c.relname,
                    'comment', pg_catalog.obj_description(c.oid, 'pg_class'),
                    'writable', case
                        when c.relkind in ('r', 'p') then true
                        when c.relkind in ('v', 'f') then pg_catalog.pg_relation_is_updatable(c.oid, true) & 28 <> 0
                        else false
                    end,
                    'columns', l.described
                )
                order by c.relname
            )
            from pg_catalog.pg_class c
            join pg_catalog.pg_namespace s on s.oid = c.relnamespace
            join columns l on l.relation = c.oid
            where s.nspname = $1::text
                and c.relkind in ('r', 'p', 'v', 'm', 'f')
                and not c.relispartition
                and (
                    not $2::boolean
                    or pg_catalog.pg_has_role(c.relowner, 'usage')
                    or pg_catalog.has_table_privilege(
                        c.oid, 'select, insert, update, delete, truncate, references, trigger'
                    )
                    or pg_catalog.has_any_column_privilege(c.oid, 'select, insert, update, references')
                )
        ), '[]'),
        'functions', coalesce((
            select pg_catalog.json_agg(
                pg_catalog.json_build_object(
                    'id', p.oid::int8,
                    'comment', pg_catalog.obj_description(p.oid, 'pg_proc'),
                    -- Who may not see everything is told names as the search path of the request finds them.
                    'types', case when $2::boolean then array(
                        select pg_catalog.format_type(t.type, null)
                        from unnest(p.proargtypes) with ordinality t (type, number)
                        order by t.number
                    ) end
                )
                order by p.proname, p.oid
            )
            from pg_catalog.pg_proc p
            join pg_catalog.pg_namespace s on s.oid = p.pronamespace
            where s.nspname = $1::text
                and p.prokind = 'f'
                and (not $2::boolean or pg_catalog.has_function_privilege(p.oid, 'execute'))
        ), '[]')
    )::text as "body",
    1::int8 as "rows",
    null::int8 as "total",
    null::text as "snapshot",
    null::text as "position"
