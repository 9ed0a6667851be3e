-- A database with something to say in every part of the report, and with names that a page must not take for markup.
create extension pg_stat_statements;
create table parents (id int8 primary key);
create table children (id int8 primary key, parent int8 references parents, state text, a_column_with_a_name_that_goes_on_and_on_and_on text);
insert into parents select generate_series(1, 20000);
insert into children select n, 1 + n % 20000, 'done', repeat('x', 40) from generate_series(1, 40000) n;
create index first_one on children (state);
create index first_one_again on children (state);
create table open (id int primary key, api_key text);
grant insert, select on open to public;
create table dead (id int8 primary key, a int) with (autovacuum_enabled = false);
insert into dead select n, n from generate_series(1, 20000) n;
analyze dead;
delete from dead where id % 2 = 0;
create table "<img src=x onerror=alert(1)> & ""quotes'" (id int8);
insert into "<img src=x onerror=alert(1)> & ""quotes'" select generate_series(1, 5000);
create view "v</style>" with (security_barrier) as select id, parent, row_number() over (order by state) from children;
analyze;
do $$ begin for n in 1..1200 loop perform count(*) from parents where id = n; end loop; end $$;
