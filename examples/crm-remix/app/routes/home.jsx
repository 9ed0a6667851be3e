// The public page: asks nothing of the database.

import { Link } from "react-router";

export default function Home() {
  return (
    <main>
      <h1>CRM</h1>
      <Link to="/organizations">Organizations</Link>
    </main>
  );
}
