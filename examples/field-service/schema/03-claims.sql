-- Who is asking, as the token that came with the request says.
create schema auth;

create function auth.uid() returns uuid
language sql stable
as $$
    -- After a transaction that set it locally, the setting is an empty string, not null.
    select nullif(nullif(current_setting('request.jwt.claims', true), '')::json ->> 'sub', '')::uuid
$$;
