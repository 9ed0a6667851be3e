-- Notes that one more migration of a part ($1) was applied. No rows. Locks: the part's row.
insert into courant.part_migration as p (part, applied) values ($1, 1)
on conflict (part) do update set applied = p.applied + 1, applied_at = pg_catalog.now()
