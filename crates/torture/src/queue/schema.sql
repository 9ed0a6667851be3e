-- What jobs do, and the ledger that they are judged by. No rows. Locks: none that anybody could meet.
create role anon nologin;

-- Every number whose enqueuing was committed; written in the enqueuing transaction.
create table ledger (n int8 primary key, kind text not null, job int8 not null);

-- Every effect. Without a key, so that a second one shows.
create table effect (n int8 not null, at timestamptz not null default clock_timestamp());

create function act(args jsonb) returns void language sql
as 'insert into effect (n) values ((args ->> ''n'')::int8)';

create function flaky(args jsonb) returns void language plpgsql as $$
begin
    insert into effect (n) values ((args ->> 'n')::int8);
    if random() < 0.4 then
        raise 'not this time';
    end if;
end
$$;

create function slow(args jsonb) returns void language plpgsql as $$
begin
    insert into effect (n) values ((args ->> 'n')::int8);
    perform pg_sleep(random() * 0.5);
end
$$;

create function poison(args jsonb) returns void language plpgsql as $$
begin
    insert into effect (n) values ((args ->> 'n')::int8);
    raise 'never';
end
$$;

-- What the schedule's job does.
create table tick_effect (at timestamptz not null default clock_timestamp());
create function tick(args jsonb) returns void language sql as 'insert into tick_effect default values';
