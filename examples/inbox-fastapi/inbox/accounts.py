"""The WhatsApp numbers of a user."""

from fastapi import APIRouter

from inbox.auth import User
from inbox.database import Database

router = APIRouter()


@router.get("/accounts")
async def accounts(user: User, database: Database) -> list[dict]:
    rows = await database.fetch(
        "select id, phone_number_id, display_name, created_at from whatsapp_accounts where user_id = $1 order by id",
        user["id"],
    )
    listed = []
    for account in rows:
        conversations = await database.fetchval(
            "select count(*) from conversations where account_id = $1 and user_id = $2", account["id"], user["id"]
        )
        traffic = await database.fetchrow(
            """
            select count(*) as messages, count(*) filter (where m.direction = 'in') as received,
                max(m.timestamp) as last_message_at
            from messages m join conversations c on c.id = m.conversation_id
            where c.account_id = $1 and c.user_id = $2 and m.user_id = $2
            """,
            account["id"],
            user["id"],
        )
        busiest = await database.fetchrow(
            """
            select c.contact_name, count(*) as messages
            from messages m join conversations c on c.id = m.conversation_id
            where c.account_id = $1 and c.user_id = $2 and m.user_id = $2
            group by c.id, c.contact_name order by count(*) desc, c.id limit 1
            """,
            account["id"],
            user["id"],
        )
        listed.append(
            {
                **account,
                "conversations": conversations,
                **traffic,
                "busiest": dict(busiest) if busiest else None,
            }
        )
    return listed
