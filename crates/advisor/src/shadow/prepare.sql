-- Makes what the statistics' statements call: the b-tree operators of a type's default class, and a guard that writes
-- one row of statistics. Locks: those of CREATE FUNCTION, in a private database.
create function pg_temp.operators_of(wanted oid, kind "char", category "char", out equal oid, out less oid)
language sql stable as $$
  select max(o.amopopr) filter (where o.amopstrategy = 3), max(o.amopopr) filter (where o.amopstrategy = 1)
  from (
    select c.opcfamily, c.opcintype
    from pg_opclass c join pg_type t on t.oid = c.opcintype
    where c.opcmethod = 403 and c.opcdefault
      and (c.opcintype = wanted
        or exists (select from pg_cast x where x.castsource = wanted and x.casttarget = c.opcintype and x.castmethod = 'b'
                   and x.castcontext = 'i')
        or kind = 'e' and c.opcintype = 'anyenum'::regtype
        or kind = 'r' and c.opcintype = 'anyrange'::regtype
        or kind = 'c' and c.opcintype = 'record'::regtype
        or category = 'A' and c.opcintype = 'anyarray'::regtype)
    order by c.opcintype = wanted desc, t.typispreferred desc
    limit 1) class
  join pg_amop o on o.amopfamily = class.opcfamily and o.amoplefttype = class.opcintype and o.amoprighttype = class.opcintype
$$
