-- The tortured schema: every row that is read carries a version that each write raises. No rows; locks only
-- what it creates.
create role anon nologin;
create role clerk nologin;
create table groups (id int primary key, version bigint not null);
create table items (
    id bigint primary key,
    group_id int not null references groups,
    version bigint not null,
    rank int not null,
    note text not null default '',
    stamp bigint not null
);
create index on items (group_id);
create table labels (id int primary key, version bigint not null);
create table wears (
    item_id bigint not null references items,
    label_id int not null references labels,
    primary key (item_id, label_id)
);
create table members (person text not null, group_id int not null, primary key (person, group_id));
create table docs (id bigint primary key, group_id int not null, version bigint not null);
create table visits (id bigint generated always as identity primary key, group_id int not null);
alter table visits replica identity full;
create table bulk (id bigint primary key, filler text not null);
create table desks (id int primary key, room int not null);
create table scratch (id int primary key, version bigint not null);

insert into groups select n, 0 from generate_series(0, 3) n;
insert into items select n, n % 4, 0, n, '', n from generate_series(0, 39) n;
create unique index items_stamp on items (stamp);
insert into labels select n, 0 from generate_series(0, 3) n;
insert into wears select i, l from generate_series(0, 7) i, generate_series(0, 3) l where (i + l) % 2 = 0;
insert into docs select n, n % 4, 0 from generate_series(0, 39) n;
insert into members select 'p' || p, g from generate_series(0, 3) p, generate_series(0, 3) g where p <> g;
insert into desks select n, n % 2 from generate_series(0, 7) n;
insert into scratch select n, 0 from generate_series(0, 9) n;

alter table docs enable row level security;
create policy mine on docs for select using (
    group_id in (
        select m.group_id from members m
        where m.person = current_setting('request.jwt.claims', true)::json ->> 'sub'
    )
);
create function bump(target bigint) returns bigint language sql volatile as $$
    update public.items set version = version + 1 where id = target returning version
$$;
create function items_of(g int) returns setof items language plpgsql stable as $$
    begin
        return query select * from public.items where group_id = g;
        -- What it found is now and then long on its way.
        if random() < 0.1 then perform pg_sleep(random() * random()); end if;
    end
$$;
grant select on groups, items, labels, wears, visits, desks, scratch to anon;
grant select on groups, items, labels, wears, visits, desks, scratch, docs, members to clerk;
grant update on items, desks to clerk;
grant insert, delete on members, wears to clerk;
grant insert on visits to clerk;
