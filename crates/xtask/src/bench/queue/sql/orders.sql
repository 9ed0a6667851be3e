-- An app's table, and one that an app would keep its own jobs in. No rows. Locks: what it makes.
create table orders (id int8 generated always as identity primary key, customer int4 not null, placed_at timestamptz not null default now());
create table own_jobs (
    id int8 generated always as identity primary key, kind text not null, args jsonb not null,
    queue text not null default 'bench', priority int2 not null default 5, created_at timestamptz not null default now()
);
