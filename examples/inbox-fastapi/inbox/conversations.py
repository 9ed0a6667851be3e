"""Conversations: the list with what is unread, one of them, and marking it."""

from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel

from inbox.auth import User
from inbox.database import Database

router = APIRouter()


class Marks(BaseModel):
    read: bool = False
    status: Literal["open", "closed"] | None = None


@router.get("/conversations")
async def conversations(
    user: User,
    database: Database,
    account_id: int | None = None,
    status: Literal["open", "closed"] | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> list[dict]:
    rows = await database.fetch(
        """
        select id, account_id, contact_name, contact_phone, status, updated_at
        from conversations
        where user_id = $1 and ($2::bigint is null or account_id = $2) and ($3::text is null or status = $3)
        order by updated_at desc, id desc
        limit $4 offset $5
        """,
        user["id"],
        account_id,
        status,
        limit,
        offset,
    )
    return [{**row, **await latest(database, row["id"], user["id"])} for row in rows]


@router.get("/conversations/{conversation_id}")
async def conversation(conversation_id: int, user: User, database: Database) -> dict:
    row = await database.fetchrow(
        """
        select c.id, c.contact_name, c.contact_phone, c.status, c.created_at, c.updated_at,
            a.id as account_id, a.display_name as account_name, b.name as bot_name
        from conversations c
        join whatsapp_accounts a on a.id = c.account_id and a.user_id = $2
        left join bot_profiles b on b.id = c.bot_profile_id
        where c.id = $1 and c.user_id = $2
        """,
        conversation_id,
        user["id"],
    )
    if row is None:
        raise HTTPException(404, "Conversation not found")
    messages = await database.fetchval("select count(*) from messages where conversation_id = $1", conversation_id)
    return {**row, "messages": messages, **await latest(database, conversation_id, user["id"])}


@router.patch("/conversations/{conversation_id}")
async def mark(conversation_id: int, marks: Marks, user: User, database: Database) -> dict:
    async with database.transaction():
        found = await database.fetchval(
            "select id from conversations where id = $1 and user_id = $2 for update", conversation_id, user["id"]
        )
        if found is None:
            raise HTTPException(404, "Conversation not found")
        if marks.read:
            await database.execute(
                """
                update messages set read_at = now()
                where conversation_id = $1 and direction = 'in' and read_at is null
                """,
                conversation_id,
            )
        if marks.status:
            await database.execute(
                "update conversations set status = $2 where id = $1", conversation_id, marks.status
            )
    return await conversation(conversation_id, user, database)


async def latest(database: Database, conversation_id: int, user_id) -> dict:
    last = await database.fetchrow(
        """
        select id, direction, body, timestamp from messages
        where conversation_id = $1 and user_id = $2
        order by timestamp desc, id desc limit 1
        """,
        conversation_id,
        user_id,
    )
    unread = await database.fetchval(
        """
        select count(*) from messages
        where conversation_id = $1 and user_id = $2 and direction = 'in' and read_at is null
        """,
        conversation_id,
        user_id,
    )
    return {"last_message": dict(last) if last else None, "unread": unread}
