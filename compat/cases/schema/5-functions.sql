-- Functions of every kind that a call can meet.

create function api.add(a int, b int) returns int language sql immutable as $$ select a + b $$;
create function api.hello() returns text language sql immutable as $$ select 'hello'::text $$;
create function api.greet(name text default 'you', greeting text default 'hello') returns text language sql immutable as $$ select greeting || ', ' || name $$;
create function api.nothing() returns void language sql stable as $$ $$;
create function api.null_int() returns int language sql immutable as $$ select null::int $$;
create function api.none() returns setof api.artists language sql stable as $$ select * from api.artists where false $$;
create function api.truth() returns boolean language sql immutable as $$ select true $$;
create function api.a_json() returns json language sql immutable as $$ select '{"a": [1,  2]}'::json $$;
create function api.a_jsonb() returns jsonb language sql immutable as $$ select '{"a": [1,  2]}'::jsonb $$;
create function api.a_date() returns date language sql immutable as $$ select date '2024-02-29' $$;
create function api.an_extent() returns api.extent language sql immutable as $$ select row(1, 2.5, 'm')::api.extent $$;
create function api.an_array() returns int[] language sql immutable as $$ select array[1, 2, 3] $$;
create function api.a_record() returns record language sql immutable as $$ select 1 as a, 'two'::text as b $$;
create function api.records() returns setof record language sql stable as $$ select id, name from api.museums order by id $$;

-- Overloads: by the number and names of arguments.
create function api.area(side int) returns int language sql immutable as $$ select side * side $$;
create function api.area(width int, height int) returns int language sql immutable as $$ select width * height $$;
create function api.area(width int, height int, depth int) returns int language sql immutable as $$ select width * height * depth $$;
-- Overloads that cannot be told apart.
create function api.twin(x int) returns text language sql immutable as $$ select 'int'::text $$;
create function api.twin(x text) returns text language sql immutable as $$ select 'text'::text $$;

create function api.sum_of(variadic numbers int[]) returns bigint language sql immutable as $$ select sum(n) from unnest(numbers) n $$;
create function api.joined(separator text, variadic words text[] default '{}') returns text language sql immutable as $$ select array_to_string(words, separator) $$;
create function api.plus_one(numbers int[]) returns int[] language sql immutable as $$ select array_agg(n + 1) from unnest(numbers) n $$;
create function api.tagged(tags text[]) returns setof api.works language sql stable as $$ select * from api.works w where w.tags @> tagged.tags order by id $$;
create function api.area_of(extent api.extent) returns numeric language sql immutable as $$ select (extent).width * (extent).height $$;
create function api.kind_of(kind api.kind) returns text language sql immutable as $$ select kind::text $$;
create function api.echo_json(value json) returns json language sql immutable as $$ select value $$;
create function api.echo_text(value text) returns text language sql immutable as $$ select value $$;
create function api.between_days(first date, last date default '2024-12-31') returns int language sql immutable as $$ select last - first $$;

-- One argument without a name takes the whole body.
create function api.stored(c api.colour) returns text language sql immutable as $$ select c::int::text $$;
create function api.body_json(json) returns text language sql immutable as $$ select ($1 ->> 'a') || '!' $$;
create function api.body_jsonb(jsonb) returns jsonb language sql immutable as $$ select $1 || '{"seen": true}' $$;
create function api.body_text(text) returns text language sql immutable as $$ select upper($1) $$;
create function api.body_bytes(bytea) returns int language sql immutable as $$ select length($1) $$;
create function api.body_xml(xml) returns text language sql immutable as $$ select $1::text $$;
create function api.either(json) returns text language sql immutable as $$ select 'unnamed'::text $$;
create function api.either(a int) returns text language sql immutable as $$ select 'named'::text $$;

-- Results: rows, columns, out arguments.
create function api.all_artists() returns setof api.artists language sql stable as $$ select * from api.artists $$;
create function api.artist(id int) returns api.artists language sql stable as $$ select * from api.artists a where a.id = artist.id $$;
create function api.born_after(year int) returns setof api.artists language sql stable as $$ select * from api.artists where born > year order by id $$;
create function api.names() returns setof text language sql stable as $$ select name from api.artists order by id $$;
create function api.numbers_to(last int) returns setof int language sql immutable as $$ select generate_series(1, last) $$;
create function api.table_of(minimum int) returns table (artist_name text, works bigint) language sql stable as $$
    select a.name, count(w.id) from api.artists a left join api.works w on w.artist_id = a.id group by a.id having count(w.id) >= minimum order by a.id
$$;
create function api.one_column() returns table (only_one int) language sql stable as $$ select * from generate_series(1, 2) $$;
create function api.one_out(out result int) language sql immutable as $$ select 42 $$;
create function api.two_out(a int, out doubled int, out tripled int) language sql immutable as $$ select a * 2, a * 3 $$;
create function api.in_and_out(inout n int) language sql immutable as $$ select n + 1 $$;
create function api.extents() returns setof api.extent language sql immutable as $$ values (row(1, 2, 'm')::api.extent), (row(3, 4, 'cm')::api.extent) $$;

-- What volatility allows.
create function api.log_line(line text) returns void language sql volatile as $$ insert into api.logs (line) values (line) $$;
create function api.log_stable(line text) returns void language plpgsql stable as $$ begin insert into api.logs (line) values (line); end $$;
create function api.add_thing(name text, quantity int default 1) returns api.things language sql volatile as $$ insert into api.things (name, quantity) values (name, quantity) returning * $$;
create function api.drop_things(below int) returns setof api.things language sql volatile as $$ delete from api.things where id < below returning * $$;
create function api.is_read_only() returns text language sql volatile as $$ select current_setting('transaction_read_only') $$;
create function api.is_read_only_stable() returns text language sql stable as $$ select current_setting('transaction_read_only') $$;

-- Settings of functions.
create function api.timeout_of() returns text language sql stable set statement_timeout = '7s' as $$ select current_setting('statement_timeout') $$;
create function api.isolation_of() returns text language sql stable set default_transaction_isolation = 'serializable' as $$ select current_setting('transaction_isolation') $$;
create function api.isolation() returns text language sql stable as $$ select current_setting('transaction_isolation') $$;
create function api.zone() returns text language sql stable as $$ select current_setting('timezone') $$;
create function api.nap(seconds numeric) returns void language sql volatile set statement_timeout = '100ms' as $$ select pg_sleep(seconds) $$;

-- What a request tells the database.
create function api.whoami() returns text language sql stable as $$ select current_user::text $$;
create function api.setting(name text) returns text language sql stable as $$ select current_setting(name, true) $$;
create function api.header(name text) returns text language sql stable as $$ select current_setting('request.headers', true)::json ->> name $$;
create function api.cookie(name text) returns text language sql stable as $$ select current_setting('request.cookies', true)::json ->> name $$;
create function api.claims() returns json language sql stable as $$ select current_setting('request.jwt.claims', true)::json $$;
create function api.claim(name text) returns text language sql stable as $$ select current_setting('request.jwt.claims', true)::json ->> name $$;
create function api.search_path() returns text language sql stable as $$ select current_setting('search_path') $$;
create view api.asked as select current_setting('request.method', true) as method, current_setting('request.path', true) as path, current_user::text as role;

-- What the database tells the response.
create function api.respond(headers text default null, status text default null) returns text language plpgsql volatile as $$
begin
    if headers is not null then perform set_config('response.headers', headers, true); end if;
    if status is not null then perform set_config('response.status', status, true); end if;
    return 'done';
end
$$;
create function api.teapot() returns json language plpgsql stable as $$
begin
    perform set_config('response.status', '418', true);
    return json_build_object('message', 'short and stout');
end
$$;

-- Errors of every kind.
create function api.fail(code text default 'P0001', message text default 'I refuse', detail text default null, hint text default null) returns void language plpgsql stable as $$
begin
    if detail is not null and hint is not null then
        raise exception using errcode = code, message = message, detail = detail, hint = hint;
    elsif detail is not null then
        raise exception using errcode = code, message = message, detail = detail;
    elsif hint is not null then
        raise exception using errcode = code, message = message, hint = hint;
    end if;
    raise exception using errcode = code, message = message;
end
$$;
create function api.just_fail() returns void language plpgsql as $$
begin
    raise exception 'I refuse!' using detail = 'Pretty simple', hint = 'There is nothing you can do.';
end
$$;
create function api.payment() returns void language plpgsql as $$
begin
    raise sqlstate 'PT402' using message = 'Payment Required', detail = 'Quota exceeded', hint = 'Upgrade your plan';
end
$$;
create function api.full_control() returns void language plpgsql as $$
begin
    raise sqlstate 'PGRST' using
        message = '{"code":"123","message":"Payment Required","details":"Quota exceeded","hint":"Upgrade your plan"}',
        detail = '{"status":402,"headers":{"X-Powered-By":"Nerd Rage"}}';
end
$$;
create function api.raised(message text, detail text default null) returns void language plpgsql as $$
begin
    if detail is null then raise sqlstate 'PGRST' using message = message; end if;
    raise sqlstate 'PGRST' using message = message, detail = detail;
end
$$;
create function api.recursion(n int) returns int language sql stable as $$ select 1 / n $$;
create function api.many_rows() returns int language sql stable as $$ select (select id from api.artists) $$;
-- Not one that a plan could hold the result of: whoever is given another role's plan would be given that.
create function api.forbidden() returns int language plpgsql stable as $$ begin return 1; end $$;

-- Named in `db-pre-request`.
create function api.check_request() returns void language plpgsql as $$
declare
    agent text := current_setting('request.headers', true)::json ->> 'user-agent';
begin
    if agent = 'bad' then
        raise exception 'No robots' using hint = 'be human';
    elsif agent = 'curious' then
        perform set_config('response.headers', '[{"X-Looked-At": "yes"}]', true);
    elsif agent = 'tourist' then
        set local role visitor;
    end if;
end
$$;
-- Named in `db-root-spec`.
create function api.root() returns json language sql stable as $$ select '{"welcome": true}'::json $$;
