-- Fills the tables, the same way for the same scale. Returns no rows; the tables must be empty. Before it, in the same
-- session: set inbox.messages = '100000'. Everything else grows with that number.

create temporary table scale as
select messages, greatest(4, messages / 5000) as users, greatest(24, messages / 25) as conversations
from (select coalesce(nullif(current_setting('inbox.messages', true), ''), '100000')::integer as messages) as wanted;

-- The identity of user n, as everybody who loads the example can know it.
create function pg_temp.user_id(n bigint) returns uuid
language sql immutable as $$ select lpad(to_hex(n), 32, '0')::uuid $$;

-- A number from 0 to below `bound`, decided by what it is for.
create function pg_temp.pick(seed text, bound bigint) returns bigint
language sql immutable as $$ select ('x' || substr(md5(seed), 1, 8))::bit(32)::bigint % bound $$;

insert into users (id, email, name, role, password_salt, password_hash, created_at)
select pg_temp.user_id(n), 'user' || n || '@inbox.example', 'User ' || n, case when n = 1 then 'owner' else 'agent' end,
    md5('salt ' || n),
    encode(sha256(convert_to(md5('salt ' || n) || 'secret-' || n, 'UTF8')), 'hex'),
    timestamptz '2026-01-01 08:00:00+00' + n * interval '1 hour'
from scale, generate_series(1, users) as n;

insert into user_settings (user_id, key, value)
select pg_temp.user_id(n), key, value
from scale, generate_series(1, users) as n,
    (values ('language', '"en"'::jsonb), ('sounds', 'true'), ('signature', '"Kind regards"')) as given (key, value);

insert into bot_profiles (user_id, name, system_prompt, shared)
select case when n > 3 then pg_temp.user_id(n - 3) end, 'Bot ' || n, 'You are bot ' || n || '. Answer in one sentence.', n <= 3
from scale, generate_series(1, users + 3) as n;

insert into whatsapp_accounts (user_id, phone_number_id, display_name, created_at)
select pg_temp.user_id(1 + (n - 1) % users), (100000000000000 + n)::text, 'Line ' || n,
    timestamptz '2026-01-02 08:00:00+00' + n * interval '1 hour'
from scale, generate_series(1, users * 3) as n;

-- Account a belongs to user 1 + (a - 1) % users, and so does every conversation on it.
insert into conversations
    (user_id, account_id, bot_profile_id, contact_name, contact_phone, status, created_at, updated_at)
select pg_temp.user_id(1 + (account - 1) % users), account, 1 + pg_temp.pick('bot ' || n, 3),
    'Contact ' || n, '+3361' || lpad(n::text, 7, '0'), (array['open', 'open', 'closed'])[1 + pg_temp.pick('status ' || n, 3)],
    timestamptz '2026-02-01 08:00:00+00' + n * interval '1 minute',
    timestamptz '2026-03-01 08:00:00+00' + n * interval '1 minute'
from scale, generate_series(1, conversations) as n, lateral (select 1 + (n - 1) % (users * 3) as account) as its;

insert into messages (user_id, conversation_id, direction, body, wamid, timestamp, read_at)
select pg_temp.user_id(1 + ((conversation - 1) % (users * 3)) % users), conversation,
    case when pg_temp.pick('direction ' || n, 2) = 0 then 'in' else 'out' end,
    'Message ' || n || ': ' || repeat('thank you for your answer, ', 1 + pg_temp.pick('body ' || n, 6)::integer),
    'wamid.' || md5('wamid ' || n),
    timestamptz '2026-03-01 08:00:00+00' + n * interval '10 seconds',
    case when pg_temp.pick('read ' || n, 4) > 0 then timestamptz '2026-03-20 08:00:00+00' end
from scale, generate_series(1, messages) as n, lateral (select 1 + (n - 1) % conversations as conversation) as its;

insert into attachments (message_id, kind, url)
select n, 'image', 'https://media.inbox.example/' || md5('media ' || n)
from scale, generate_series(1, messages, 8) as n;

drop table scale;
analyze;
