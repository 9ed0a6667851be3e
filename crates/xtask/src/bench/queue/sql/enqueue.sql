-- An app's transaction that enqueues a job.
\set customer random(1, 1000)
begin;
insert into orders (customer) values (:customer);
select courant.enqueue('noop', jsonb_build_object('customer', :customer::int), 'later');
commit;
