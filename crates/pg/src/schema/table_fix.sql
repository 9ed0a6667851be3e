-- For tables that cannot be published ($1: oid, $2: its unique index that could name old rows, or null), the line
-- that gives each an identity and the one that gives this role its owner's rights; one row each.
-- Locks: AccessShareLock on the catalogs.
select
    t.oid,
    case
        when t.index is null then format('alter table %I.%I replica identity full;', n.nspname, c.relname)
        else format('alter table %I.%I replica identity using index %I;', n.nspname, c.relname, t.index)
    end as identity_line,
    case
        -- Never advises to hand out a superuser's rights: the table is handed over instead.
        when o.rolsuper then format('alter table %I.%I owner to %I;', n.nspname, c.relname, current_user)
        else format('grant %I to %I;', o.rolname, current_user)
    end as owner_line
from unnest($1::oid[], $2::text[]) as t (oid, index)
join pg_catalog.pg_class c on c.oid = t.oid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_roles o on o.oid = c.relowner
order by n.nspname, c.relname
