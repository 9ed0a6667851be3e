-- The benchmark's tables with their rows. No rows returned; locks what it makes.

-- A list of forty is about twelve kilobytes.
create table articles (id int primary key, title text not null, summary text not null, published date not null);
insert into articles
select n, 'What the week brought, part ' || n, repeat(md5(n::text), 6), date '2024-01-01' + n
from generate_series(1, 1000) as n;

-- Read one by one.
create table points (id int primary key, label text not null, value int not null);
insert into points select n, 'point ' || n, n % 1000 from generate_series(1, 100000) as n;

-- Written all the time.
create table tickers (id int primary key, value bigint not null);
insert into tickers select n, 0 from generate_series(1, 10000) as n;

-- Updated all at once.
create table ledger (id int primary key, account int not null, amount bigint not null);
insert into ledger select n, n % 5000, n from generate_series(1, 1000000) as n;

-- Read in threes, each three by an entry of its own.
create table labels (id int primary key, label text not null);
insert into labels select n, md5(n::text) from generate_series(1, 450000) as n;

-- A small journal for the hit ratio.
create table authors (id int primary key, name text not null);
insert into authors select n, 'author ' || n from generate_series(1, 200) as n;
create table posts (
    id int primary key,
    author_id int not null references authors (id),
    category int not null,
    title text not null,
    score int not null
);
insert into posts
select n, 1 + n * 7919 % 200, n % 20, 'post ' || n, n * 7907 % 1000 from generate_series(1, 4000) as n;
create index on posts (author_id);
create index on posts (category, score);

-- The best of a category, by a function.
create function best_posts(of_category int) returns setof posts language sql stable as $$
    select * from posts where category = of_category order by score desc limit 20
$$;

-- Written row by row, and a thousand rows at once.
create table drafts (id bigint generated always as identity primary key, title text not null, note text);
grant insert on drafts to anon;

grant select on all tables in schema public to anon;
