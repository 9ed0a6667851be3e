-- Who may do what, and how what was written is put back.

grant usage on schema api to anon, curator, visitor, slow;
grant usage on schema shop to anon, curator;
grant select on all tables in schema api to anon, curator, visitor, slow;
grant select on all tables in schema shop to anon, curator;
grant insert, update, delete on all tables in schema api to anon, curator, visitor;
grant insert, update, delete on all tables in schema shop to anon;
grant usage on all sequences in schema api to anon, curator, visitor;

revoke all on api.vault from anon, visitor;
revoke all on api.guestbook from anon, visitor;
grant select (id, line), insert (id, line), update (line) on api.guestbook to anon;
revoke all on api.dropbox from anon;
grant insert on api.dropbox to anon;
revoke insert, update, delete on api.museums, api.asked from anon, visitor;
revoke all on api.diaries from anon;
revoke execute on function api.forbidden() from public;
grant execute on function api.forbidden() to curator;

create schema pristine;
do $$
declare name text;
begin
    foreach name in array array['things', 'parts', 'gadgets', 'logs', 'stamped', 'only_id', 'letters', 'diaries', 'guestbook', 'dropbox', 'paints', 'types', 'numbers', 'visits', 'vault', 'codes', 'swatches'] loop
        execute format('create table pristine.%I as table api.%I', name, name);
    end loop;
    create table pristine.products as table shop.products;
end
$$;

-- Puts back a table (of `api`, unless its name says another schema), and those that refer to it, with its rows in their
-- order and its sequence at its start.
create function pristine.restore(wanted text) returns void language plpgsql as $$
declare
    named regclass := case when wanted like 'shop.%' then wanted else 'api.' || quote_ident(wanted) end;
    one regclass;
    tables regclass[];
    columns text;
begin
    select array_agg(distinct conrelid::regclass) into tables from pg_constraint where contype = 'f' and confrelid = named;
    tables := named || coalesce(array_remove(tables, named), '{}');
    execute 'truncate ' || array_to_string(tables, ', ') || ' restart identity';
    foreach one in array tables loop
        select string_agg(quote_ident(attname), ', ' order by attnum) into columns
        from pg_attribute where attrelid = one and attnum > 0 and not attisdropped and attgenerated = '';
        execute format('insert into %s (%s) overriding system value select %s from pristine.%I', one, columns, columns,
            (select relname from pg_class where oid = one));
        -- What is always numbered by its sequence was so from the start.
        perform setval(pg_get_serial_sequence(one::text, attname), 12, false)
        from pg_attribute where attrelid = one and attidentity = 'a' and attnum > 0;
    end loop;
end
$$;

analyze;
