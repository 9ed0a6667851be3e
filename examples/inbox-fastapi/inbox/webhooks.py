"""Messages as WhatsApp's Cloud API delivers them."""

import hashlib
import hmac
import json
import os
from datetime import UTC, datetime

from fastapi import APIRouter, HTTPException, Request

from inbox.database import Database

router = APIRouter()


@router.post("/webhooks/whatsapp")
async def whatsapp(request: Request, database: Database) -> dict:
    body = await request.body()
    if not signed(body, request.headers.get("x-hub-signature-256", "")):
        raise HTTPException(403, "Wrong signature")
    stored = 0
    try:
        for entry in json.loads(body)["entry"]:
            for change in entry["changes"]:
                async with database.transaction():
                    stored += await store(database, change["value"])
    except (json.JSONDecodeError, KeyError, TypeError, ValueError):
        raise HTTPException(422, "Not a delivery of the Cloud API") from None
    return {"stored": stored}


def signed(body: bytes, signature: str) -> bool:
    secret = os.environ.get("WEBHOOK_SECRET")
    if not secret:
        return True
    expected = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(f"sha256={expected}", signature)


async def store(database: Database, value: dict) -> int:
    account = await database.fetchrow(
        "select id, user_id from whatsapp_accounts where phone_number_id = $1", value["metadata"]["phone_number_id"]
    )
    if account is None:
        return 0
    names = {contact["wa_id"]: contact["profile"]["name"] for contact in value.get("contacts", [])}
    for message in value.get("messages", []):
        at = datetime.fromtimestamp(int(message["timestamp"]), UTC)
        conversation_id = await conversation(database, account, message["from"], names, at)
        message_id = await database.fetchval(
            """
            insert into messages (user_id, conversation_id, direction, body, wamid, timestamp)
            values ($1, $2, 'in', $3, $4, $5) returning id
            """,
            account["user_id"],
            conversation_id,
            message.get("text", {}).get("body", ""),
            message["id"],
            at,
        )
        if "image" in message:
            await database.execute(
                "insert into attachments (message_id, kind, url) values ($1, 'image', $2)",
                message_id,
                message["image"]["link"],
            )
    return len(value.get("messages", []))


async def conversation(database: Database, account, sender: str, names: dict, at: datetime) -> int:
    known = await database.fetchval(
        """
        update conversations set updated_at = $3
        where account_id = $1 and contact_phone = $2 returning id
        """,
        account["id"],
        f"+{sender}",
        at,
    )
    return known or await database.fetchval(
        """
        insert into conversations (user_id, account_id, contact_name, contact_phone, updated_at)
        values ($1, $2, $3, $4, $5) returning id
        """,
        account["user_id"],
        account["id"],
        names.get(sender, f"+{sender}"),
        f"+{sender}",
        at,
    )
