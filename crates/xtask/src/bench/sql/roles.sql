-- The roles that ask. No rows returned; locks what it makes.
create role anon nologin;
create role authenticator login noinherit;
grant anon to authenticator;
