-- What Courant sends for a point read, all at once (see crates/pg/src/session). Returns one row; locks nothing.
\set id random(1, 100000)
\startpipeline
select
    pg_catalog.set_config('transaction_read_only', 'on', true),
    pg_catalog.set_config(:setting, :value, true),
    pg_catalog.set_config('role', :role, true);
{statement};
\endpipeline
