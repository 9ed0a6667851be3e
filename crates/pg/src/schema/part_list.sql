-- Makes the list of parts and how many of their migrations were applied. No rows.
-- Locks: none that readers or writers of other schemas could meet.
create table courant.part_migration (
    part text primary key,
    applied int4 not null,
    applied_at timestamptz not null default pg_catalog.now()
);
grant select on courant.part_migration to public
