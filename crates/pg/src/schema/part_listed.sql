-- Whether any part of Courant has brought tables of its own. One row. Locks: none.
select pg_catalog.to_regclass('courant.part_migration') is not null
