-- The number of the last migration that was applied. One row. Locks: AccessShareLock on courant.migration.
select coalesce(max(m.number), 0) from courant.migration m
