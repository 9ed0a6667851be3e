"""Signing in, and who is signed in: an HS256 token whose `sub` is the user."""

import hashlib
import hmac
import json
import os
import time
from typing import Annotated
from uuid import UUID

import asyncpg
import jwt
from fastapi import APIRouter, Depends, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel

from inbox.database import Database

TOKEN_LIFETIME_S = 8 * 3600

router = APIRouter()
bearer = HTTPBearer(auto_error=False)


class Credentials(BaseModel):
    email: str
    password: str


def unauthorized(detail: str) -> HTTPException:
    return HTTPException(401, detail, headers={"WWW-Authenticate": "Bearer"})


async def signed_in(
    database: Database, given: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
) -> asyncpg.Record:
    if given is None:
        raise unauthorized("Not authenticated")
    try:
        claims = jwt.decode(given.credentials, os.environ["JWT_SECRET"], algorithms=["HS256"])
        user_id = UUID(claims["sub"])
    except (jwt.InvalidTokenError, KeyError, ValueError):
        raise unauthorized("Invalid token") from None
    user = await database.fetchrow(
        "select id, email, name, role, created_at from users where id = $1 and active", user_id
    )
    if user is None:
        raise unauthorized("Unknown user")
    return user


User = Annotated[asyncpg.Record, Depends(signed_in)]


@router.post("/auth/login")
async def login(credentials: Credentials, database: Database) -> dict:
    user = await database.fetchrow(
        "select id, password_salt, password_hash from users where email = $1 and active", credentials.email
    )
    salted = (user["password_salt"] if user else "") + credentials.password
    digest = hashlib.sha256(salted.encode()).hexdigest()
    if user is None or not hmac.compare_digest(digest, user["password_hash"]):
        raise unauthorized("Wrong email or password")
    now = int(time.time())
    claims = {"sub": str(user["id"]), "iat": now, "exp": now + TOKEN_LIFETIME_S}
    return {"access_token": jwt.encode(claims, os.environ["JWT_SECRET"], "HS256"), "token_type": "bearer"}


@router.get("/auth/me")
async def me(user: User, database: Database) -> dict:
    """Everything the page's frame shows: asked for on every page."""
    settings = await database.fetch(
        "select key, value from user_settings where user_id = $1 order by key", user["id"]
    )
    accounts = await database.fetch(
        "select id, display_name from whatsapp_accounts where user_id = $1 order by id", user["id"]
    )
    listed = []
    for account in accounts:
        open_conversations = await database.fetchval(
            "select count(*) from conversations where account_id = $1 and user_id = $2 and status = 'open'",
            account["id"],
            user["id"],
        )
        unread = await database.fetchval(
            """
            select count(*)
            from messages m join conversations c on c.id = m.conversation_id
            where c.account_id = $1 and c.user_id = $2 and m.user_id = $2
                and m.direction = 'in' and m.read_at is null
            """,
            account["id"],
            user["id"],
        )
        listed.append({**account, "open_conversations": open_conversations, "unread": unread})
    bots = await database.fetch(
        "select id, name, shared from bot_profiles where user_id = $1 or shared order by id", user["id"]
    )
    by_status = await database.fetch(
        """
        select c.status, count(distinct c.id) as conversations, count(m.id) as messages, max(m.timestamp) as latest
        from conversations c left join messages m on m.conversation_id = c.id and m.user_id = $1
        where c.user_id = $1
        group by c.status order by c.status
        """,
        user["id"],
    )
    return {
        **user,
        "settings": {row["key"]: json.loads(row["value"]) for row in settings},
        "accounts": listed,
        "bot_profiles": [dict(row) for row in bots],
        "by_status": [dict(row) for row in by_status],
    }
