-- The same transaction with a bare insert in the place of the job.
\set customer random(1, 1000)
begin;
insert into orders (customer) values (:customer);
insert into own_jobs (kind, args) values ('noop', jsonb_build_object('customer', :customer::int));
commit;
