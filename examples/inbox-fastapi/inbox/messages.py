"""The messages of a conversation, and sending one."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, Field

from inbox.auth import User
from inbox.database import Database

router = APIRouter()


class Outgoing(BaseModel):
    body: Annotated[str, Field(min_length=1, max_length=4096)]


async def owned(conversation_id: int, user: User, database: Database) -> None:
    found = await database.fetchval(
        "select id from conversations where id = $1 and user_id = $2", conversation_id, user["id"]
    )
    if found is None:
        raise HTTPException(404, "Conversation not found")


@router.get("/messages/{conversation_id}")
async def messages(
    conversation_id: int,
    user: User,
    database: Database,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> list[dict]:
    await owned(conversation_id, user, database)
    rows = await database.fetch(
        """
        select id, direction, body, timestamp, read_at from messages
        where conversation_id = $1
        order by timestamp desc, id desc
        limit $2
        """,
        conversation_id,
        limit,
    )
    listed = []
    for row in rows:
        attachments = await database.fetch(
            "select kind, url from attachments where message_id = $1 order by id", row["id"]
        )
        listed.append({**row, "attachments": [dict(attachment) for attachment in attachments]})
    return listed


@router.post("/messages/{conversation_id}", status_code=201)
async def send(conversation_id: int, outgoing: Outgoing, user: User, database: Database) -> dict:
    await owned(conversation_id, user, database)
    async with database.transaction():
        row = await database.fetchrow(
            """
            insert into messages (user_id, conversation_id, direction, body)
            values ($1, $2, 'out', $3)
            returning id, direction, body, timestamp
            """,
            user["id"],
            conversation_id,
            outgoing.body,
        )
        await database.execute(
            "update conversations set updated_at = $2 where id = $1", conversation_id, row["timestamp"]
        )
    return dict(row)
