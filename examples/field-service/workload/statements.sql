-- The statements that the app's pages send, before anyone tuned them.
--
-- A statement's parameters name draws (draws.sql), in order; those of one execution are of one organization. The
-- role is what the statement runs as: `authenticated` with the claim `sub` of a member of that organization, so
-- that row-level security picks the rows, or `service_role`.

-- Dashboard: fifteen requests, each for itself.

-- name: dashboard_me
-- frequency: 1200 per hour
-- page: dashboard
-- role: authenticated
-- parameters: user_id
select * from users where id = $1;

-- name: dashboard_metrics
-- frequency: 1200 per hour
-- page: dashboard
-- role: authenticated
-- parameters: time_period
select get_dashboard_metrics($1);

-- name: dashboard_summary
-- frequency: 1200 per hour
-- page: dashboard
-- role: authenticated
select * from daily_call_summary order by day desc limit 30;

-- name: dashboard_priorities
-- frequency: 1200 per hour
-- page: dashboard
-- role: authenticated
select * from priority_distribution;

-- name: dashboard_latest_calls
-- frequency: 1200 per hour
-- page: dashboard
-- role: authenticated
select * from vapi_calls order by created_at desc limit 20;

-- name: dashboard_active_calls
-- frequency: 1200 per hour
-- page: dashboard
-- role: authenticated
select * from vapi_calls where status = 'in_progress' order by created_at desc;

-- name: dashboard_urgent_calls
-- frequency: 1200 per hour
-- page: dashboard
-- role: authenticated
select * from vapi_calls where priority = 'urgent' and status = 'pending' order by created_at desc limit 20;

-- name: dashboard_calls_last_hour
-- frequency: 1200 per hour
-- page: dashboard
-- role: authenticated
-- parameters: hour_ago
select count(*) from vapi_calls where created_at > $1;

-- name: dashboard_missed_last_day
-- frequency: 1200 per hour
-- page: dashboard
-- role: authenticated
-- parameters: day_ago
select count(*) from vapi_calls where status = 'missed' and created_at > $1;

-- name: dashboard_alerts
-- frequency: 1200 per hour
-- page: dashboard
-- role: authenticated
select * from alerts where acknowledged = false order by created_at desc limit 50;

-- name: dashboard_appointments
-- frequency: 1200 per hour
-- page: dashboard
-- role: authenticated
select * from appointments where status = 'pending' order by preferred_date, id limit 50;

-- name: dashboard_interventions
-- frequency: 1200 per hour
-- page: dashboard
-- role: authenticated
-- parameters: today
select * from interventions where status = 'scheduled' and scheduled_at >= $1 order by scheduled_at limit 50;

-- name: dashboard_new_leads
-- frequency: 1200 per hour
-- page: dashboard
-- role: authenticated
select * from leads where status = 'new' order by created_at desc limit 20;

-- name: dashboard_sms
-- frequency: 1200 per hour
-- page: dashboard
-- role: authenticated
select * from sms_logs order by created_at desc limit 20;

-- name: dashboard_conversations
-- frequency: 1200 per hour
-- page: dashboard
-- role: authenticated
select * from conversations where status = 'open' order by updated_at desc limit 10;

-- Calls: a list, then one query for each of its hundred rows.

-- name: calls_list
-- frequency: 300 per hour
-- page: calls
-- role: authenticated
select * from vapi_calls order by created_at desc limit 100;

-- name: calls_log_of_call
-- frequency: 30000 per hour
-- page: calls
-- role: authenticated
-- parameters: call_id
select * from call_logs where call_id = $1;

-- name: calls_filtered
-- frequency: 400 per hour
-- page: calls_filtered
-- role: authenticated
-- parameters: call_status, priority, offset
select * from vapi_calls where status = $1 and priority = $2 order by created_at desc limit 20 offset $3;

-- name: calls_filtered_count
-- frequency: 400 per hour
-- page: calls_filtered
-- role: authenticated
-- parameters: call_status, priority
select count(*) from vapi_calls where status = $1 and priority = $2;

-- name: calls_search_phone
-- frequency: 500 per hour
-- page: search
-- role: authenticated
-- parameters: phone_pattern
select * from vapi_calls where phone_number like $1 order by created_at desc limit 50;

-- name: calls_search_name
-- frequency: 500 per hour
-- page: search
-- role: authenticated
-- parameters: name_pattern
select * from vapi_calls where customer_name ilike $1 order by created_at desc limit 50;

-- name: call_detail
-- frequency: 900 per hour
-- page: call
-- role: authenticated
-- parameters: call_id
select * from vapi_calls where call_id = $1;

-- name: call_detail_log
-- frequency: 900 per hour
-- page: call
-- role: authenticated
-- parameters: call_id
select * from call_logs where call_id = $1;

-- name: call_detail_history
-- frequency: 900 per hour
-- page: call
-- role: authenticated
-- parameters: call_phone
select * from vapi_calls where phone_number = $1 order by created_at desc limit 10;

-- name: call_detail_appointments
-- frequency: 900 per hour
-- page: call
-- role: authenticated
-- parameters: customer_phone
select * from appointments where customer_phone = $1 order by preferred_date desc;

-- name: transcripts_by_intent
-- frequency: 60 per hour
-- page: transcripts
-- role: authenticated
-- parameters: intent
select id, call_id, sentiment, created_at from call_logs where transcript @> $1 order by created_at desc limit 50;

-- name: calls_live_count
-- frequency: 3600 per hour
-- page: live
-- role: authenticated
-- parameters: hour_ago
select count(*) from vapi_calls where status = 'in_progress' and created_at > $1;

-- Calls come in: a webhook each, and an import that inserts a file's calls one by one.

-- name: webhook_call_insert
-- frequency: 100 per hour
-- page: webhook_call
-- role: service_role
-- parameters: org_id, call_phone, caller_name, priority
insert into vapi_calls (org_id, phone_number, customer_name, status, priority, started_at)
values ($1, $2, $3, 'in_progress', $4, now())
returning *;

-- name: webhook_call_end
-- frequency: 100 per hour
-- page: webhook_call
-- role: service_role
-- parameters: call_id, duration
update vapi_calls
set status = 'completed', duration = $2, ended_at = now(), ended_reason = 'customer-ended-call'
where call_id = $1;

-- name: webhook_call_log
-- frequency: 100 per hour
-- page: webhook_call
-- role: service_role
-- parameters: org_id, call_id, intent
insert into call_logs (org_id, call_id, transcript) values ($1, $2, $3);

-- name: import_call
-- frequency: 1000 per hour
-- page: import
-- role: authenticated
-- parameters: org_id, call_phone, caller_name, call_status, priority, duration
insert into vapi_calls (org_id, phone_number, customer_name, status, priority, duration)
values ($1, $2, $3, $4, $5, $6);

-- Customers.

-- name: crm_organizations
-- frequency: 480 per hour
-- page: crm
-- role: service_role
select o.*, (select count(*) from modules m where m.org_id = o.id and m.is_active) as active_modules
from organizations o
order by o.name;

-- name: crm_modules
-- frequency: 240 per hour
-- page: crm
-- role: service_role
-- parameters: org_id
select * from modules where org_id = $1 order by name;

-- name: menu_modules
-- frequency: 1200 per hour
-- page: modules
-- role: authenticated
select name, settings from modules where is_active order by name;

-- name: crm_stats
-- frequency: 240 per hour
-- page: crm
-- role: service_role
select get_crm_stats();

-- name: leads_by_status
-- frequency: 300 per hour
-- page: leads
-- role: authenticated
select status, count(*) as leads, sum(estimated_value) as value from leads group by status;

-- name: leads_by_day
-- frequency: 120 per hour
-- page: leads
-- role: authenticated
-- parameters: month_ago
select date_trunc('day', created_at) as day, status, count(*) as leads
from leads
where created_at > $1
group by 1, 2
order by 1;

-- name: leads_list
-- frequency: 300 per hour
-- page: leads
-- role: authenticated
-- parameters: lead_status, offset
select * from leads where status = $1 order by created_at desc limit 20 offset $2;

-- name: lead_update
-- frequency: 60 per hour
-- page: lead_update
-- role: authenticated
-- parameters: lead_id, lead_status
update leads set status = $2, updated_at = now() where id = $1 returning *;

-- name: appointments_pending
-- frequency: 360 per hour
-- page: appointments
-- role: authenticated
-- parameters: today
select * from appointments where status = 'pending' and preferred_date >= $1 order by preferred_date, id;

-- name: appointments_of_customer
-- frequency: 360 per hour
-- page: appointments
-- role: authenticated
-- parameters: customer_phone
select * from appointments where customer_phone = $1 and status in ('pending', 'confirmed') order by preferred_date;

-- name: appointment_confirm
-- frequency: 80 per hour
-- page: appointment_confirm
-- role: authenticated
-- parameters: appointment_id
update appointments set status = 'confirmed' where id = $1 returning *;

-- name: sms_of_customer
-- frequency: 400 per hour
-- page: sms
-- role: authenticated
-- parameters: customer_phone
select * from sms_logs where customer_phone = $1 order by created_at desc limit 50;

-- name: sms_last_day
-- frequency: 120 per hour
-- page: sms
-- role: authenticated
-- parameters: day_ago
select status, count(*) from sms_logs where created_at > $1 group by status;

-- name: interventions_scheduled
-- frequency: 480 per hour
-- page: interventions
-- role: authenticated
-- parameters: today
select i.*, u.full_name as technician, a.customer_name, a.customer_phone
from interventions i
left join users u on u.id = i.technician_id
left join appointments a on a.id = i.appointment_id
where i.status = 'scheduled' and i.scheduled_at >= $1
order by i.scheduled_at
limit 50;

-- name: intervention_complete
-- frequency: 40 per hour
-- page: interventions
-- role: authenticated
-- parameters: intervention_id
update interventions set status = 'completed', completed_at = now() where id = $1;

-- name: alerts_unacknowledged
-- frequency: 720 per hour
-- page: alerts
-- role: authenticated
select * from alerts where acknowledged = false order by created_at desc;

-- name: alert_acknowledge
-- frequency: 60 per hour
-- page: alert_acknowledge
-- role: authenticated
-- parameters: alert_id, user_id
update alerts set acknowledged = true, acknowledged_by = $2, acknowledged_at = now() where id = $1;

-- Inbox.

-- name: inbox_accounts
-- frequency: 1800 per hour
-- page: inbox
-- role: authenticated
select * from whatsapp_accounts order by id;

-- name: inbox_conversations
-- frequency: 1800 per hour
-- page: inbox
-- role: authenticated
-- parameters: account_id
select * from conversations where account_id = $1 order by updated_at desc limit 50;

-- name: inbox_conversation
-- frequency: 1500 per hour
-- page: conversation
-- role: authenticated
-- parameters: conversation_id
select * from conversations where id = $1;

-- name: inbox_messages
-- frequency: 1500 per hour
-- page: conversation
-- role: authenticated
-- parameters: conversation_id
select * from messages where conversation_id = $1 order by "timestamp" desc limit 50;

-- name: inbox_bot_profile
-- frequency: 1500 per hour
-- page: conversation
-- role: authenticated
-- parameters: bot_profile_id
select * from bot_profiles where id = $1;

-- name: inbox_send
-- frequency: 240 per hour
-- page: conversation_send
-- role: authenticated
-- parameters: org_id, conversation_id, user_id, message_text
insert into messages (org_id, conversation_id, sent_by, sender, body, status)
values ($1, $2, $3, 'agent', $4, 'sent')
returning *;

-- name: inbox_touch
-- frequency: 240 per hour
-- page: conversation_send
-- role: authenticated
-- parameters: conversation_id, message_text
update conversations set updated_at = now(), last_message = $2, unread_count = 0 where id = $1;

-- name: webhook_account
-- frequency: 720 per hour
-- page: webhook_message
-- role: service_role
-- parameters: phone_number_id
select * from whatsapp_accounts where phone_number_id = $1;

-- name: webhook_conversation
-- frequency: 720 per hour
-- page: webhook_message
-- role: service_role
-- parameters: account_id, call_phone
select * from conversations where account_id = $1 and contact_phone = $2;

-- name: webhook_message_insert
-- frequency: 720 per hour
-- page: webhook_message
-- role: service_role
-- parameters: org_id, conversation_id, message_text
insert into messages (org_id, conversation_id, sender, body) values ($1, $2, 'customer', $3);

-- Every page asks who is signed in.

-- name: auth_me
-- frequency: 6000 per hour
-- page: auth
-- role: authenticated
-- parameters: user_id
select u.*, m.role, o.name as organization
from users u
join memberships m on m.user_id = u.id
join organizations o on o.id = m.org_id
where u.id = $1;

-- Administration: the platform's own people look at everybody's data.

-- name: admin_organization_totals
-- frequency: 60 per hour
-- page: admin
-- role: service_role
select
    o.id,
    o.name,
    (select count(*) from memberships m where m.org_id = o.id) as members,
    (select count(*) from vapi_calls c where c.org_id = o.id) as calls,
    (select count(*) from messages m where m.org_id = o.id) as messages,
    (select max(c.created_at) from vapi_calls c where c.org_id = o.id) as last_call
from organizations o
order by calls desc;

-- name: admin_users
-- frequency: 60 per hour
-- page: admin
-- role: service_role
select * from users order by last_seen_at desc nulls last;

-- name: admin_conversations
-- frequency: 60 per hour
-- page: admin
-- role: service_role
-- parameters: offset
select c.*, (select count(*) from messages m where m.conversation_id = c.id) as messages
from conversations c
order by c.updated_at desc
limit 20 offset $1;

-- name: admin_failed_calls
-- frequency: 60 per hour
-- page: admin
-- role: service_role
-- parameters: week_ago
select * from vapi_calls where status = 'failed' and created_at > $1 order by created_at desc limit 100;

-- name: analytics_by_hour
-- frequency: 120 per hour
-- page: analytics
-- role: authenticated
-- parameters: week_ago
select date_trunc('hour', created_at) as hour, event_type, count(*) as events
from analytics
where created_at > $1
group by 1, 2
order by 1;

-- name: analytics_latest
-- frequency: 240 per hour
-- page: analytics
-- role: authenticated
-- parameters: event_type, day_ago
select * from analytics where event_type = $1 and created_at > $2 order by created_at desc limit 200;

-- name: analytics_track
-- frequency: 240 per hour
-- page: analytics
-- role: authenticated
-- parameters: org_id, user_id, event_type
insert into analytics (org_id, user_id, event_type) values ($1, $2, $3);
