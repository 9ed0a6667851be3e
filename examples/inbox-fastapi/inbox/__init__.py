"""A WhatsApp inbox: agents, their accounts, conversations and messages."""
