-- What a start depends on ($1: the anonymous role or null, $2: the schemas to serve); one row: whether the server is
-- new enough and its version, whether the role exists and may be taken on, its name and this role's as identifiers, and
-- the schemas that do not exist. Takes no lock.
select
    pg_catalog.current_setting('server_version_num')::int >= 140000 as supported,
    pg_catalog.current_setting('server_version') as version,
    r.oid is not null as role_exists,
    coalesce(pg_catalog.pg_has_role(r.oid, 'member'), false) as may_take_on,
    coalesce(pg_catalog.quote_ident($1), '') as role,
    pg_catalog.quote_ident(current_user) as login,
    array(
        select s.name from unnest($2::text[]) as s (name)
        where not exists (select from pg_catalog.pg_namespace n where n.nspname = s.name)
    ) as schemas_missing
from (select $1::text as name) as asked
left join pg_catalog.pg_roles r on r.rolname = asked.name
