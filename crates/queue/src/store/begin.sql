-- Notes from when on a schedule ($1) has ticks ($2, seconds since 1970), unless it was known. One row: its latest tick.
-- Locks: the schedule's row, until the statement ends.
with begun as (
    insert into courant.job_periodic as p (name, tick) values ($1, pg_catalog.to_timestamp($2::float8))
    on conflict (name) do nothing
    returning p.tick
)
select extract(epoch from coalesce(
    (select b.tick from begun b),
    (select p.tick from courant.job_periodic p where p.name = $1),
    pg_catalog.to_timestamp($2::float8)
))::float8
