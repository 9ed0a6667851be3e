-- Media types of the database's own: domains that functions and aggregates return.

create domain api."text/html" as text;
create domain api."text/plain" as text;
create domain api."application/octet-stream" as bytea;
create domain api."application/vnd.museum.lines" as text;
create domain api."text/xml" as pg_catalog.xml;
create domain api."*/*" as bytea;

create function api.page() returns api."text/html" language sql stable as $$ select '<h1>Museum</h1>'::api."text/html" $$;
create function api.plain(name text default 'you') returns api."text/plain" language sql stable as $$ select ('dear ' || name)::api."text/plain" $$;
create function api.bytes() returns api."application/octet-stream" language sql stable as $$ select '\x00ff10'::bytea::api."application/octet-stream" $$;
create function api.markup() returns api."text/xml" language sql stable as $$ select xmlelement(name a, xmlattributes(1 as b))::api."text/xml" $$;
create function api.anything() returns api."*/*" language sql stable as $$ select 'anything'::bytea::api."*/*" $$;
create function api.image() returns api."*/*" language plpgsql stable as $$
begin
    perform set_config('response.headers', '[{"Content-Type": "image/png"}]', true);
    return '\x89504e47'::bytea::api."*/*";
end
$$;

-- For one relation.
create function api.lines_step(state api."application/vnd.museum.lines", next api.museums) returns api."application/vnd.museum.lines" language sql immutable as $$
    select (state || next.id || ':' || next.name || E'\n')::api."application/vnd.museum.lines"
$$;
create aggregate api.lines (api.museums) (initcond = '', stype = api."application/vnd.museum.lines", sfunc = api.lines_step);

-- In the place of a built-in one.
create domain api."text/csv" as text;
create function api.csv_step(state text, next api.codes) returns api."text/csv" language sql immutable as $$
    select (state || next.code || ';' || coalesce(next.meaning, '') || E'\n')::api."text/csv"
$$;
create function api.csv_final(data api."text/csv") returns api."text/csv" language plpgsql as $$
begin
    perform set_config('response.headers', '[{"Content-Disposition": "attachment; filename=\"codes.csv\""}]', true);
    return (E'code;meaning\n' || data)::api."text/csv";
end
$$;
create aggregate api.codes_csv (api.codes) (initcond = '', stype = api."text/csv", sfunc = api.csv_step, finalfunc = api.csv_final);
