-- A schema of a thousand tables, ten columns each, of which most refer to another. No rows. Locks: what it makes.
do $$
begin
    create table table_0 (id int primary key, name text not null);
    for n in 1..999 loop
        execute format(
            'create table table_%s (
                id bigint primary key, parent int references table_0, previous int not null default 0, name text not null,
                note text, amount numeric(12, 2), happened timestamptz not null default now(), tags text[], document jsonb,
                state varchar(20) default ''new''
            )',
            n
        );
    end loop;
    execute 'grant select on all tables in schema public to anon';
end
$$
