-- Returns one row if there is a database of that name ($1). Takes no lock.
select 1 from pg_catalog.pg_database where datname = $1
