-- A museum: relations of every kind, so that every kind of embedding has something to follow.

create schema api;
create schema shop;
create schema private;

create table api.museums (id int primary key, name text not null, city text);

-- A composite key that is referenced as one.
create table api.rooms (
    museum_id int not null references api.museums,
    number int not null,
    name text not null,
    primary key (museum_id, number)
);

create table api.artists (
    id int primary key,
    name text not null,
    born int,
    country text,
    nickname text,
    details jsonb not null default '{}'
);
comment on table api.artists is 'Artists

Whose works are shown.';
comment on column api.artists.born is 'The year';

create type api.kind as enum ('painting', 'print', 'sculpture');
create type api.extent as (width numeric, height numeric, unit text);

create table api.works (
    id int primary key,
    title text not null,
    artist_id int references api.artists,
    museum_id int,
    room_number int,
    year int,
    price numeric(10, 2),
    kind api.kind not null default 'painting',
    public boolean,
    extent api.extent,
    tags text[] not null default '{}',
    constraint works_room_fkey foreign key (museum_id, room_number) references api.rooms (museum_id, number)
);

-- To-one from both sides: the key is the reference.
create table api.insurances (
    work_id int primary key references api.works,
    insurer text not null,
    amount int not null
);

create table api.exhibitions (id int primary key, name text not null, opens date, closes date);

-- A junction with a column of its own.
create table api.hangings (
    exhibition_id int not null references api.exhibitions,
    work_id int not null references api.works,
    place int not null,
    primary key (exhibition_id, work_id)
);

-- A tree.
create table api.employees (
    id int primary key,
    name text not null,
    boss_id int references api.employees,
    salary int
);

-- Two ways to the same relation.
create table api.tours (
    id int primary key,
    title text not null,
    guide_id int constraint tours_guide_fkey references api.employees,
    deputy_id int constraint tours_deputy_fkey references api.employees,
    exhibition_id int references api.exhibitions
);

-- A junction of a relation with itself.
create table api.influences (
    influencer_id int not null constraint influencer references api.artists,
    influenced_id int not null constraint influenced references api.artists,
    primary key (influencer_id, influenced_id)
);

create table api.visits (
    id int not null,
    day date not null,
    museum_id int not null references api.museums,
    people int not null,
    primary key (id, day)
) partition by range (day);
create table api.visits_2023 partition of api.visits for values from ('2023-01-01') to ('2024-01-01');
create table api.visits_2024 partition of api.visits for values from ('2024-01-01') to ('2025-01-01');

-- What nobody reaches by the API, but through a view of it.
create table private.donors (id int primary key, name text not null, museum_id int references api.museums);
create view api.donors as select id, name, museum_id from private.donors;

create view api.works_brief as select id, title, artist_id, year from api.works;
create view api.works_old as select id, title, artist_id, year from api.works_brief where year < 1800;
create view api.catalogue as
    select w.id as work_id, w.title, a.id as artist_id, a.name as artist from api.works w join api.artists a on a.id = w.artist_id;
create materialized view api.kinds as
    select kind, count(*) as works, min(artist_id) as artist_id from api.works group by kind;

-- Computed fields: functions of a row.
create function api.label(api.works) returns text language sql stable as $$ select $1.title || ' (' || coalesce($1.year::text, '?') || ')' $$;
create function api.century(api.works) returns int language sql immutable as $$ select ($1.year - 1) / 100 + 1 $$;
create function api.is_old(api.works_brief) returns boolean language sql immutable as $$ select $1.year < 1800 $$;

-- Computed relationships: to-many, to-one, and one that takes the place of a foreign key.
create function api.compatriots(api.artists) returns setof api.artists language sql stable as $$
    select * from api.artists a where a.country = $1.country and a.id <> $1.id order by a.id
$$;
create function api.maker(api.works) returns setof api.artists rows 1 language sql stable as $$
    select * from api.artists where id = $1.artist_id
$$;
create function api.museums(api.exhibitions) returns setof api.museums rows 1 language sql stable as $$
    select * from api.museums where id = 1 + $1.id % 2
$$;

-- Names that must be quoted.
create table api."Gift Shop" (
    "Item No" int primary key,
    "Unit Price" numeric,
    "information.cpe" text,
    "order" int
);
create table api."موارد" (id int primary key, "نام" text);

create table api.numbers (n int primary key, parity text not null);

-- Keys that are not integers.
create table api.codes (code text primary key, meaning text);
