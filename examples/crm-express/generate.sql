-- Fills the tables, the same way for the same scale. Returns no rows; the tables must be empty. Before it, in the same
-- session: set crm.contacts = '40000'. Everything else grows with that number.

create temporary table scale as
select contacts, greatest(8, contacts / 400) as organizations, greatest(4, contacts / 2000) as users
from (select coalesce(nullif(current_setting('crm.contacts', true), ''), '40000')::integer as contacts) as wanted;

-- A number from 0 to below `bound`, decided by what it is for.
create function pg_temp.pick(seed text, bound bigint) returns bigint
language sql immutable as $$ select ('x' || substr(md5(seed), 1, 8))::bit(32)::bigint % bound $$;

insert into organizations (name, plan, created_at)
select 'Organization ' || n, (array['starter', 'team', 'enterprise'])[1 + pg_temp.pick('plan ' || n, 3)],
    timestamptz '2026-01-01 08:00:00+00' + n * interval '5 hours'
from scale, generate_series(1, organizations) as n;

insert into modules (organization_id, name, active, seats)
select 1 + (n - 1) % organizations, 'Module ' || n, pg_temp.pick('active ' || n, 3) > 0, 1 + pg_temp.pick('seats ' || n, 40)
from scale, generate_series(1, organizations * 60) as n;

insert into contacts (organization_id, name, email)
select 1 + pg_temp.pick('contact ' || n, organizations), 'Contact ' || n, 'contact' || n || '@customer.example'
from scale, generate_series(1, contacts) as n;

-- User 1 is the administrator.
insert into users (email, name, admin, password_salt, password_hash)
select 'user' || n || '@crm.example', 'User ' || n, n = 1, md5('salt ' || n),
    encode(sha256(convert_to(md5('salt ' || n) || 'secret-' || n, 'UTF8')), 'hex')
from scale, generate_series(1, users) as n;

-- Organization o belongs to user 1 + (o - 1) % users.
insert into memberships (user_id, organization_id)
select 1 + (n - 1) % users, n
from scale, generate_series(1, organizations) as n;

drop table scale;
analyze;
