-- The CRM as it was before anyone tuned it: keys and nothing else. Loaded once, returns no rows, locks only what it
-- creates.

create table organizations (
    id serial primary key,
    name text not null,
    plan text not null default 'starter',
    created_at timestamptz not null default now()
);

create table modules (
    id serial primary key,
    organization_id integer not null references organizations on delete cascade,
    name text not null,
    active boolean not null default true,
    seats integer not null default 1
);

create table contacts (
    id serial primary key,
    organization_id integer not null references organizations on delete cascade,
    name text not null,
    email text not null
);

create table users (
    id serial primary key,
    email text not null unique,
    name text not null,
    admin boolean not null default false,
    password_salt text not null,
    password_hash text not null
);

create table memberships (
    user_id integer not null references users on delete cascade,
    organization_id integer not null references organizations on delete cascade,
    primary key (user_id, organization_id)
);

create table sessions (
    sid text primary key,
    user_id integer not null references users on delete cascade,
    expires_at timestamptz not null
);
