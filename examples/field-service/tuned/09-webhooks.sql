-- What the telephone, text messages and WhatsApp tell, taken into the app's tables: handlers of Courant's jobs, each
-- run in the transaction that completes its job. Deliveries come in any order; a state never goes back.

-- Whose message a state is about.
create index messages_wa_message_id on public.messages (wa_message_id) where wa_message_id is not null;
create index sms_logs_provider_sid on public.sms_logs (provider_sid) where provider_sid is not null;

-- The company that has a telephone number. Without one a delivery is put aside for people to look at (CQ001).
create function private.organization_of(number text) returns uuid
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
    found_id uuid;
begin
    select o.id into found_id from public.organizations o where o.phone_number = number order by o.id limit 1;
    if found_id is null then
        raise exception 'no organization has the number %', coalesce(number, 'that was left out') using errcode = 'CQ001';
    end if;
    return found_id;
end
$$;

-- How far on its way a message is. What is unknown is nowhere.
create function private.delivery_rank(status text) returns integer
language sql immutable parallel safe set search_path = pg_catalog, pg_temp
as $$
    select coalesce(array_position(array['queued', 'sending', 'sent', 'delivered', 'read', 'undelivered', 'failed'], status), 0)
$$;

-- Vapi: a call's states, and its report at the end. What else it tells of a call is of no use here.
create function public.take_voice_call(args jsonb) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
    told constant jsonb := args #> '{payload,message}';
    call constant uuid := (told #>> '{call,id}')::uuid;
    reason constant text := told ->> 'endedReason';
    org uuid;
    ended_as text;
begin
    if told ->> 'type' not in ('status-update', 'end-of-call-report') then
        return;
    end if;
    org := private.organization_of(coalesce(told #>> '{phoneNumber,number}', told #>> '{call,phoneNumber,number}'));
    if told ->> 'type' = 'status-update' then
        insert into public.vapi_calls as c (call_id, org_id, phone_number, customer_name, status, started_at)
        values (
            call, org, coalesce(told #>> '{call,customer,number}', 'unknown'), told #>> '{call,customer,name}',
            case told ->> 'status' when 'in-progress' then 'in_progress' else 'pending' end,
            case told ->> 'status' when 'in-progress' then now() end
        )
        on conflict (call_id) do update
        set status = excluded.status, started_at = coalesce(c.started_at, excluded.started_at)
        where c.status = 'pending';
        return;
    end if;
    ended_as := case
        when reason = 'voicemail' then 'voicemail'
        when reason in ('customer-busy', 'customer-did-not-answer') then 'missed'
        when reason like '%error%' or reason like '%failed%' then 'failed'
        else 'completed'
    end;
    insert into public.vapi_calls as c (
        call_id, org_id, phone_number, customer_name, status, duration, ended_reason, summary, recording_url,
        started_at, ended_at
    )
    values (
        call, org, coalesce(told #>> '{call,customer,number}', told #>> '{customer,number}', 'unknown'),
        coalesce(told #>> '{call,customer,name}', told #>> '{customer,name}'), ended_as,
        round((told ->> 'durationSeconds')::numeric)::integer, reason,
        coalesce(told #>> '{analysis,summary}', told ->> 'summary'),
        coalesce(told #>> '{artifact,recordingUrl}', told ->> 'recordingUrl'),
        (told ->> 'startedAt')::timestamptz, (told ->> 'endedAt')::timestamptz
    )
    on conflict (call_id) do update
    set status = excluded.status, duration = excluded.duration, ended_reason = excluded.ended_reason,
        summary = excluded.summary, recording_url = excluded.recording_url,
        started_at = coalesce(excluded.started_at, c.started_at), ended_at = excluded.ended_at
    where c.org_id = excluded.org_id;
    insert into public.call_logs (org_id, call_id, transcript)
    select org, call, coalesce(told #> '{artifact,messages}', told -> 'messages', '[]')
    where not exists (select from public.call_logs l where l.call_id = call);
end
$$;

-- Twilio: a text message that somebody sent, or the state of one that the app did.
create function public.take_text_message(args jsonb) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
    told constant jsonb := args -> 'payload';
    sid constant text := coalesce(told ->> 'MessageSid', told ->> 'SmsSid');
    state constant text := coalesce(told ->> 'MessageStatus', told ->> 'SmsStatus', 'received');
begin
    if sid is null then
        raise exception 'it is no text message' using errcode = 'CQ001';
    end if;
    if state in ('received', 'receiving') then
        insert into public.sms_logs (org_id, customer_phone, direction, body, status, provider_sid)
        select private.organization_of(told ->> 'To'), told ->> 'From', 'inbound', coalesce(told ->> 'Body', ''),
            'received', sid
        where not exists (select from public.sms_logs s where s.provider_sid = sid);
        return;
    end if;
    perform from public.sms_logs s where s.provider_sid = sid for update;
    if not found then
        -- The app has not written down yet that it sent it: the job is tried again.
        raise exception 'no text message % yet', sid;
    end if;
    update public.sms_logs s set status = state
    where s.provider_sid = sid and private.delivery_rank(s.status) < private.delivery_rank(state);
end
$$;

-- WhatsApp: a message that somebody sent, or the state of one that the app did. Other news of the account is not kept.
create function public.take_whatsapp_event(args jsonb) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
begin
    case args ->> 'type'
        when 'message' then
            perform private.take_whatsapp_message(args -> 'payload');
        when 'status' then
            perform private.take_whatsapp_status(args #>> '{payload,status,id}', args #>> '{payload,status,status}');
        else
            null;
    end case;
end
$$;

create function private.take_whatsapp_message(told jsonb) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
    message constant jsonb := told -> 'message';
    phone constant text := '+' || (message ->> 'from');
    kind constant text := coalesce(message ->> 'type', 'text');
    -- The words, or of what is no text what names it.
    words constant text := coalesce(
        message #>> '{text,body}', message #>> array[kind, 'caption'], message #>> array[kind, 'id'], ''
    );
    sent_at constant timestamptz := to_timestamp((message ->> 'timestamp')::float8);
    account public.whatsapp_accounts;
    thread bigint;
begin
    select a.* into account from public.whatsapp_accounts a
    where a.phone_number_id = told #>> '{metadata,phone_number_id}'
    order by a.id limit 1;
    if not found then
        raise exception 'no account has the number %', told #>> '{metadata,phone_number_id}' using errcode = 'CQ001';
    end if;
    if exists (select from public.messages m where m.wa_message_id = message ->> 'id') then
        return;
    end if;
    -- No constraint says that a contact has one thread: two first messages take turns.
    perform pg_advisory_xact_lock(hashtextextended('thread ' || account.id || ' ' || phone, 0));
    select c.id into thread from public.conversations c
    where c.account_id = account.id and c.contact_phone = phone
    order by c.updated_at desc limit 1;
    if not found then
        insert into public.conversations (org_id, account_id, contact_name, contact_phone, updated_at)
        values (account.org_id, account.id, told #>> '{contact,profile,name}', phone, sent_at)
        returning id into thread;
    end if;
    insert into public.messages (org_id, conversation_id, sender, message_type, body, status, wa_message_id, "timestamp")
    values (account.org_id, thread, 'customer', kind, words, 'received', message ->> 'id', sent_at);
    -- An earlier message that comes later is not the last one.
    update public.conversations c
    set unread_count = c.unread_count + 1, status = 'open',
        last_message = case when c.last_message is null or c.updated_at <= sent_at then words else c.last_message end,
        updated_at = greatest(c.updated_at, sent_at)
    where c.id = thread;
end
$$;

create function private.take_whatsapp_status(message_id text, state text) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
begin
    perform from public.messages m where m.wa_message_id = message_id for update;
    if not found then
        -- The app has not written down yet that it sent it: the job is tried again.
        raise exception 'no message % yet', message_id;
    end if;
    update public.messages m set status = state
    where m.wa_message_id = message_id and private.delivery_rank(m.status) < private.delivery_rank(state);
end
$$;

revoke execute on function
    private.organization_of(text), private.delivery_rank(text), private.take_whatsapp_message(jsonb),
    private.take_whatsapp_status(text, text), public.take_voice_call(jsonb), public.take_text_message(jsonb),
    public.take_whatsapp_event(jsonb)
from public;
grant usage on schema private to service_role;
grant execute on function
    private.organization_of(text), private.delivery_rank(text), private.take_whatsapp_message(jsonb),
    private.take_whatsapp_status(text, text), public.take_voice_call(jsonb), public.take_text_message(jsonb),
    public.take_whatsapp_event(jsonb)
to service_role;
