-- Rows: the roles that strangers come in as, each with its number; those named in $1 even where they do not exist (null).
-- Found besides: roles without a login of their own that a policy names, or that were granted to a login which inherits
-- nothing, as gateways that take on their callers' roles have it. Locks: catalogs, access share.
select 'PUBLIC' as name, 0::oid as oid
union
select w.name, r.oid
from unnest($1) as w (name)
left join pg_roles r on r.rolname = w.name
union
select r.rolname::text, r.oid
from pg_roles r
where not r.rolcanlogin and not r.rolsuper and r.rolname !~ '^pg_'
    and (
        exists (select from pg_policy p where r.oid = any (p.polroles))
        or exists (
            select from pg_auth_members m
            join pg_roles g on g.oid = m.member and g.rolcanlogin and not g.rolinherit and not g.rolsuper
            where m.roleid = r.oid
        )
    )
