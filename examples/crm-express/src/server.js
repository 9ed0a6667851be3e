// The app: its routes in order. Reads DATABASE_URL and PORT.

import cookieParser from "cookie-parser";
import express from "express";
import morgan from "morgan";

import { admin } from "./admin.js";
import { database } from "./database.js";
import { modules } from "./modules.js";
import { organizations } from "./organizations.js";
import { sessions } from "./sessions.js";

const app = express();
app.use(morgan(":method :url :status :response-time ms"));
app.use(express.static(new URL("../public", import.meta.url).pathname));
app.use(express.json());
app.use(cookieParser());
app.use(sessions, organizations, modules, admin);

app.get("/health", async (request, response) => {
  await database.$queryRaw`select 1`;
  response.json({ status: "ok" });
});

app.use((request, response) => response.status(404).json({ error: "no such route" }));
app.use((error, request, response, next) => {
  if (response.headersSent) return next(error);
  const status = error.status ?? 500;
  if (status >= 500) console.error(error);
  response.status(status).json({ error: status >= 500 ? "internal error" : error.message });
});

const server = app.listen(process.env.PORT ?? 8001, "127.0.0.1");
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => {
    server.close(() => database.$disconnect());
    server.closeIdleConnections();
  });
}
