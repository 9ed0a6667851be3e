-- Who asks. The servers connect as `authenticator`; everybody else is a role that it may become. Roles belong to the
-- cluster, the rest of the schema to each server's own database: this file is run once.

create role authenticator login noinherit replication;
create role anon nologin;
create role curator nologin;
create role visitor nologin;
-- A role whose settings show in its answers.
create role slow nologin;
alter role slow set statement_timeout = '4s';
alter role slow set default_transaction_isolation = 'repeatable read';
alter role slow set timezone = 'Asia/Tokyo';
-- A role that exists and that the authenticator may not become.
create role stranger nologin;
grant anon, curator, visitor, slow to authenticator;
