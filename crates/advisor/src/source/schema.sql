-- One row for each statement that makes the same schema elsewhere, without rows, defaults and triggers; in an order
-- in which most of them succeed at once. Locks: none beyond ACCESS SHARE on catalogs.
with own as (
  select oid, nspname from pg_namespace
  where nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
    and nspname not like 'pg\_temp\_%' and nspname not like 'pg\_toast\_temp\_%'
), extended as (
  select classid, objid from pg_depend where deptype = 'e'
), relation as (
  select c.*, own.nspname from pg_class c join own on own.oid = c.relnamespace
  where not exists (select from extended e where e.classid = 'pg_class'::regclass and e.objid = c.oid)
)
select 0 as rank, r.oid, format('create role %I %s %s', r.rolname,
       case when r.rolsuper then 'superuser' else '' end, case when r.rolbypassrls then 'bypassrls' else '' end) as statement
from pg_roles r where r.rolname !~ '^pg_' and r.rolname <> 'postgres'
union all
select 1, m.roleid, format('grant %I to %I', g.rolname, p.rolname)
from pg_auth_members m join pg_roles g on g.oid = m.roleid join pg_roles p on p.oid = m.member
union all
select 2, own.oid, format('create schema if not exists %1$I; grant all on schema %1$I to public', own.nspname) from own
union all
select 3, e.oid, format('create extension if not exists %I schema %I', e.extname, n.nspname)
from pg_extension e join pg_namespace n on n.oid = e.extnamespace
union all
select 4, t.oid, format('create type %I.%I as enum (%s)', own.nspname, t.typname,
       (select string_agg(quote_literal(l.enumlabel), ', ' order by l.enumsortorder) from pg_enum l where l.enumtypid = t.oid))
from pg_type t join own on own.oid = t.typnamespace
where t.typtype = 'e' and not exists (select from extended e where e.classid = 'pg_type'::regclass and e.objid = t.oid)
union all
select 4, t.oid, format('create domain %I.%I as %s', own.nspname, t.typname, format_type(t.typbasetype, t.typtypmod))
from pg_type t join own on own.oid = t.typnamespace
where t.typtype = 'd' and not exists (select from extended e where e.classid = 'pg_type'::regclass and e.objid = t.oid)
union all
select 5, r.oid,
       case when r.relkind = 'c' then format('create type %I.%I as (%s)', r.nspname, r.relname, columns.list)
            when r.relispartition then
              format('create table %I.%I partition of %s %s', r.nspname, r.relname, parent.names, pg_get_expr(r.relpartbound, r.oid))
              || case when r.relkind = 'p' then ' partition by ' || pg_get_partkeydef(r.oid) else '' end
            else format('create table %I.%I (%s)', r.nspname, r.relname, columns.list)
              || case when r.relkind = 'p' then ' partition by ' || pg_get_partkeydef(r.oid)
                      when parent.names is not null then format(' inherits (%s)', parent.names) else '' end
       end || case when r.relkind = 'c' then '' else format('; alter table %I.%I owner to %I; grant all on %1$I.%2$I to public',
                                                      r.nspname, r.relname, pg_get_userbyid(r.relowner)) end
from relation r
left join lateral (
  select string_agg(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod))
         || case when a.attcollation <> t.typcollation and a.attcollation <> 0
                 then format(' collate %I.%I', ln.nspname, l.collname) else '' end
         || case when a.attnotnull and r.relkind <> 'c' then ' not null' else '' end, ', ' order by a.attnum) as list
  from pg_attribute a join pg_type t on t.oid = a.atttypid
  left join pg_collation l on l.oid = a.attcollation left join pg_namespace ln on ln.oid = l.collnamespace
  where a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped) columns on true
left join lateral (
  select string_agg(h.inhparent::regclass::text, ', ' order by h.inhseqno) as names
  from pg_inherits h where h.inhrelid = r.oid) parent on true
where r.relkind in ('r', 'p', 'm', 'f', 'c')
union all
select 6, p.oid, pg_get_functiondef(p.oid)
from pg_proc p join own on own.oid = p.pronamespace
where p.prokind in ('f', 'p') and not exists (select from extended e where e.classid = 'pg_proc'::regclass and e.objid = p.oid)
union all
select case when c.contype = 'f' then 9 else 7 end, c.oid,
       format('alter table %s%s add constraint %I %s', case when c.contype = 'f' or r.relkind = 'p' then '' else 'only ' end,
              format('%I.%I', r.nspname, r.relname), c.conname, pg_get_constraintdef(c.oid))
from pg_constraint c join relation r on r.oid = c.conrelid
where c.contype in ('p', 'u', 'c', 'f', 'x') and c.conparentid = 0 and c.conislocal
union all
select 8, i.indexrelid, pg_get_indexdef(i.indexrelid)
from pg_index i join relation r on r.oid = i.indexrelid
where i.indislive and i.indisvalid and not r.relispartition
  and not exists (select from pg_constraint c where c.conindid = i.indexrelid and c.contype in ('p', 'u', 'x'))
union all
select 10, r.oid, format('create view %I.%I%s as %s; alter view %1$I.%2$I owner to %5$I; grant all on %1$I.%2$I to public',
       r.nspname, r.relname, coalesce(' with (' || array_to_string(r.reloptions, ', ') || ')', ''),
       rtrim(pg_get_viewdef(r.oid), ';'), pg_get_userbyid(r.relowner))
from relation r where r.relkind = 'v'
union all
select 11, p.oid, format('create policy %I on %I.%I as %s for %s to %s', p.polname, r.nspname, r.relname,
       case when p.polpermissive then 'permissive' else 'restrictive' end,
       case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all' end,
       (select string_agg(case when o = 0 then 'public' else quote_ident(pg_get_userbyid(o)) end, ', ') from unnest(p.polroles) o))
       || coalesce(' using (' || pg_get_expr(p.polqual, p.polrelid) || ')', '')
       || coalesce(' with check (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')', '')
from pg_policy p join relation r on r.oid = p.polrelid
union all
select 12, r.oid, format('alter table %I.%I enable row level security%s', r.nspname, r.relname,
       case when r.relforcerowsecurity then format('; alter table %I.%I force row level security', r.nspname, r.relname) else '' end)
from relation r where r.relrowsecurity
order by 1, 2
