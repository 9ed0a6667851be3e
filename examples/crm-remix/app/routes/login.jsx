// Signing in.

import { Form, data, redirect } from "react-router";

import { signIn } from "../sessions.server.js";

export async function action({ request }) {
  const form = await request.formData();
  const cookie = await signIn(form.get("email"), form.get("password"));
  if (!cookie) return data("wrong email or password", { status: 401 });
  return redirect("/organizations", { headers: { "Set-Cookie": cookie } });
}

export default function Login({ actionData }) {
  return (
    <Form method="post">
      {actionData}
      <input name="email" type="email" />
      <input name="password" type="password" />
      <button>Sign in</button>
    </Form>
  );
}
