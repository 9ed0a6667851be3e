-- A row for each table without row-level security whose columns look secret and are readable by a role of $1.
-- Locks: catalogs, access share.
select
    c.oid::regclass::text as object,
    'warning' as severity,
    format('%s holds %s, and strangers may read it', c.oid::regclass, s.columns) as summary,
    json_build_object('columns', s.columns)::text as evidence,
    null as fix_sql,
    null as undo_sql
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
cross join lateral (
    select string_agg(a.attname, ', ' order by a.attnum) as columns
    from pg_attribute a
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        and a.attname ~* '(^|_)(password|passwd|passphrase|pwd|secret|api_?key|access_token|refresh_token|private_key|ssn|social_security|credit_card|card_number|cvv|iban|passport)(_|$)'
) s
where c.relkind in ('r', 'p') and not c.relrowsecurity and s.columns is not null and n.nspname not in ('pg_catalog', 'information_schema', 'courant') and n.nspname !~ '^pg_'
    and exists (
        select from aclexplode(c.relacl) x left join pg_roles r on r.oid = x.grantee
        where x.grantee = any ($1::oid[]) and x.privilege_type = 'SELECT'
            and not coalesce(r.rolbypassrls or r.rolsuper, false)
    )
order by 1
