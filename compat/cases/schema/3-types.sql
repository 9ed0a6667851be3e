-- A column of every type that is written in an own way, and what text search and ranges need.

create table api.types (
    id int primary key,
    small smallint, big bigint, exact numeric, real real, double double precision, cash money,
    flag boolean, letter char(3), short varchar(5), words text, code uuid, bits bit(4),
    raw bytea, doc json, docb jsonb, markup xml,
    day date, hour time, stamp timestamp, stamptz timestamptz, span interval,
    address inet, ints int[], names text[], grid int[][], kinds api.kind[], extent api.extent, extents api.extent[],
    kind api.kind
);

create table api.bookings (id int primary key, days daterange, seats int4range, prices numrange, slots int4multirange);

create table api.articles (
    id int primary key,
    title text,
    body text,
    doc jsonb,
    vector tsvector
);

-- Searched through domains, one over the other.
create domain api.searchable as tsvector;
create domain api.indexed as api.searchable;
create table api.leaflets (id int primary key, words api.searchable, all_words api.indexed);

create table api.documents (id int primary key, doc jsonb, raw json);

create table api.moments (id int primary key, at timestamptz not null);

create table api.arrays (id int primary key, ints int[], words text[]);

-- Domain representations: stored as an integer, spoken of as #rrggbb.
create domain api.colour as int check (value between 0 and 16777215);
create function api.json(api.colour) returns json language sql immutable as $$ select to_json('#' || lpad(to_hex($1), 6, '0')) $$;
create function api.colour(json) returns api.colour language sql immutable as $$ select api.colour($1 #>> '{}') $$;
create function api.colour(text) returns api.colour language sql immutable as $$
    select (('x' || lpad(ltrim($1, '#'), 8, '0'))::bit(32)::int)::api.colour
$$;
create cast (api.colour as json) with function api.json(api.colour) as implicit;
create cast (json as api.colour) with function api.colour(json) as implicit;
create cast (text as api.colour) with function api.colour(text) as implicit;

create table api.paints (id int primary key, name text not null, colour api.colour, thinned api.colour);
create view api.paints_brief as select id, colour from api.paints;
