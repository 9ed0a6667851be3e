// The connection pool, and Prisma on it.

import { PrismaPg } from "@prisma/adapter-pg";
import { PrismaClient } from "@prisma/client";

const adapter = new PrismaPg({ connectionString: process.env.DATABASE_URL, max: 10 });

export const database = new PrismaClient({ adapter });
