-- How many of a part's ($1) migrations were applied. One row. Locks: AccessShareLock on courant.part_migration.
select coalesce(max(p.applied), 0) from courant.part_migration p where p.part = $1
