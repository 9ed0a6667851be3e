-- What everything.hex was captured from, on PostgreSQL 15 with logical_decoding_work_mem=64kB, by
--   select encode(data, 'hex') from pg_logical_slot_get_binary_changes('s', null, null, 'proto_version', '2',
--     'publication_names', 'courant', 'streaming', 'true', 'messages', 'true')
-- The rows of "quiet" are not published; they make a transaction large enough to be streamed.
create type mood as enum ('good', 'bad');
create table d (id int primary key, v text, m mood);
create table f (id int primary key, v text);
alter table f replica identity full;
create table big (id int primary key, v text);
create table quiet (v text);
create publication courant for table d, f, big;
select 1 from pg_create_logical_replication_slot('s', 'pgoutput');
begin;
insert into d values (1, 'a', null), (2, 'é', 'good');
insert into f values (1, 'a');
update d set v = 'b' where id = 1;
update d set id = 3 where id = 2;
update f set v = null;
select 1 from pg_logical_emit_message(true, 'courant', 'hello');
commit;
delete from d where id = 1;
alter table d add column w int default 4;
update d set w = 5;
truncate d, f;
begin;
insert into f values (7, 'before');
insert into big values (1, 'kept');
insert into quiet select repeat('x', 200) from generate_series(1, 400);
savepoint s;
insert into big values (2, 'undone');
truncate f;
insert into big values (5, 'undone');
insert into quiet select repeat('x', 200) from generate_series(1, 400);
rollback to s;
delete from f;
select 1 from pg_logical_emit_message(true, 'courant', 'streamed');
insert into big values (3, 'kept');
insert into quiet select repeat('x', 200) from generate_series(1, 400);
commit;
begin;
insert into big values (4, 'undone');
insert into quiet select repeat('x', 200) from generate_series(1, 400);
rollback;
insert into f values (8, 'end');
