// The connection pool, and one way to ask.

import pg from "pg";

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 });

export async function rows(text, values = []) {
  return (await pool.query(text, values)).rows;
}

export async function row(text, values) {
  return (await rows(text, values))[0];
}
