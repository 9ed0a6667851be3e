-- Names that are shown to people who need not know them: `Client-` and eight digits of a keyed hash, so that equal
-- names are equal and nobody without the key can try names out.

create schema private;

-- HMAC with SHA-256 takes two padded keys (RFC 2104); here both are drawn at random, which is the construction that
-- HMAC was derived from (NMAC). One row, which nobody may read.
create table private.name_key (
    is_only boolean primary key default true check (is_only),
    inner_key bytea not null,
    outer_key bytea not null
);

insert into private.name_key (inner_key, outer_key)
select drawn.inner_key, drawn.outer_key
from (
    select
        string_agg(uuid_send(gen_random_uuid()), ''::bytea) filter (where n <= 4) as inner_key,
        string_agg(uuid_send(gen_random_uuid()), ''::bytea) filter (where n > 4) as outer_key
    from generate_series(1, 8) as numbers (n)
) drawn;

-- Runs with its owner's rights, which alone can read the key.
create function public.anonymised_name(name text) returns text
language sql stable strict parallel safe security definer set search_path = pg_catalog, pg_temp
as $$
    select 'Client-' || left(encode(sha256(k.outer_key || sha256(k.inner_key || convert_to(anonymised_name.name, 'UTF8'))), 'hex'), 8)
    from private.name_key k
$$;

revoke execute on function public.anonymised_name(text) from public;
grant execute on function public.anonymised_name(text) to authenticated, service_role;
