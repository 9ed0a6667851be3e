-- Where parameters of statements and placeholders of pages take their values from.
--
-- Each query returns up to 1000 rows (org_id, value), both text, in an order that the data decides; org_id is
-- null where the value fits everybody. They run once, before a measurement, past row-level security. A user is
-- given values of the user's own organization. Rows are drawn evenly: what is frequent in the data is frequent here.

-- name: call_id
select org_id::text as org_id, call_id::text as value
from vapi_calls
order by created_at desc, call_id
limit 1000;

-- name: call_phone
select org_id::text as org_id, phone_number as value
from vapi_calls
order by call_id
limit 1000;

-- name: phone_fragment
select org_id::text as org_id, right(phone_number, 6) as value
from vapi_calls
order by call_id
limit 1000;

-- name: phone_pattern
select org_id::text as org_id, '%' || right(phone_number, 6) || '%' as value
from vapi_calls
order by call_id
limit 1000;

-- name: name_fragment
select org_id::text as org_id, split_part(customer_name, ' ', 2) as value
from vapi_calls
where customer_name is not null
order by call_id
limit 1000;

-- name: name_pattern
select org_id::text as org_id, '%' || split_part(customer_name, ' ', 2) || '%' as value
from vapi_calls
where customer_name is not null
order by call_id
limit 1000;

-- name: caller_name
select org_id::text as org_id, customer_name as value
from vapi_calls
where customer_name is not null
order by call_id
limit 1000;

-- name: call_status
select null::text as org_id, status as value
from unnest(array['completed', 'completed', 'missed', 'missed', 'voicemail', 'pending', 'in_progress', 'failed'])
    with ordinality as statuses (status, place)
order by place;

-- name: priority
select null::text as org_id, priority as value
from unnest(array['urgent', 'urgent', 'high', 'normal', 'low']) with ordinality as priorities (priority, place)
order by place;

-- name: duration
select null::text as org_id, coalesce(duration, 60)::text as value
from vapi_calls
order by call_id
limit 1000;

-- name: intent
select null::text as org_id, '[{"intent": "' || intent || '"}]' as value
from unnest(array['urgence', 'urgence', 'soumission', 'plainte', 'facturation']) with ordinality as intents (intent, place)
order by place;

-- name: time_period
select null::text as org_id, time_period as value
from unnest(array['24h', '24h', '24h', '7d', '7d', '1h', '30d']) with ordinality as periods (time_period, place)
order by place;

-- name: hour_ago
select null::text as org_id, to_char(max(created_at) at time zone 'UTC' - interval '1 hour', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as value
from vapi_calls;

-- name: day_ago
select null::text as org_id, to_char(max(created_at) at time zone 'UTC' - interval '1 day', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as value
from vapi_calls;

-- name: week_ago
select null::text as org_id, to_char(max(created_at) at time zone 'UTC' - interval '7 days', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as value
from vapi_calls;

-- name: month_ago
select null::text as org_id, to_char(max(created_at) at time zone 'UTC' - interval '30 days', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as value
from vapi_calls;

-- name: today
select null::text as org_id, (max(created_at) at time zone 'America/Toronto')::date::text as value
from vapi_calls;

-- name: offset
select null::text as org_id, (page * page * 20)::text as value
from generate_series(0, 9) as pages (page)
order by page;

-- name: lead_id
select org_id::text as org_id, id::text as value
from leads
order by id desc
limit 1000;

-- name: lead_status
select null::text as org_id, status as value
from unnest(array['new', 'contacted', 'qualified', 'won', 'lost']) with ordinality as statuses (status, place)
order by place;

-- name: customer_phone
select org_id::text as org_id, customer_phone as value
from sms_logs
order by id desc
limit 1000;

-- name: appointment_id
select org_id::text as org_id, id::text as value
from appointments
order by id desc
limit 1000;

-- name: intervention_id
select org_id::text as org_id, id::text as value
from interventions
order by id desc
limit 1000;

-- name: alert_id
select org_id::text as org_id, id::text as value
from alerts
order by acknowledged, id desc
limit 1000;

-- name: account_id
select c.org_id::text as org_id, c.account_id::text as value
from conversations c
order by c.updated_at desc, c.id
limit 1000;

-- name: phone_number_id
select a.org_id::text as org_id, a.phone_number_id as value
from conversations c
join whatsapp_accounts a on a.id = c.account_id
order by c.updated_at desc, c.id
limit 1000;

-- name: conversation_id
select m.org_id::text as org_id, m.conversation_id::text as value
from messages m
order by m.id desc
limit 1000;

-- name: bot_profile_id
select org_id::text as org_id, id::text as value
from bot_profiles
order by id;

-- name: message_text
select null::text as org_id, text as value
from unnest(array['Bonjour', 'Merci!', 'Je vous reviens dans quelques minutes.']) with ordinality as texts (text, place)
order by place;

-- name: event_type
select null::text as org_id, event_type as value
from unnest(array['page_view', 'page_view', 'call_completed', 'payment_received']) with ordinality as types (event_type, place)
order by place;

-- name: org_id
select o.id::text as org_id, o.id::text as value
from organizations o
where exists (select from vapi_calls c where c.org_id = o.id)
order by o.id;

-- name: user_id
select m.org_id::text as org_id, m.user_id::text as value
from memberships m
where m.role in ('owner', 'dispatcher') and exists (select from vapi_calls c where c.org_id = m.org_id)
order by m.user_id;
