// The app's paths. Each page is a document and, under the same path with `.data`, its loader's answer.

import { index, route } from "@react-router/dev/routes";

export default [
  index("routes/home.jsx"),
  route("login", "routes/login.jsx"),
  route("logout", "routes/logout.js"),
  route("organizations", "routes/organizations.jsx"),
  route("organizations/:id", "routes/organization.jsx"),
  route("admin", "routes/admin.jsx"),
  route("health", "routes/health.js"),
];
