-- Whether a publication exists. A WAL sender takes no bound parameters, so the caller puts the name in
-- place of :publication, as a literal. Returns one row, or none; takes access share on pg_publication.
select pubname from pg_catalog.pg_publication where pubname = :publication
