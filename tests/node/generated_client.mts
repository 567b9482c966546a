// A client that openapi-typescript made of Inkstone's document, with openapi-fetch: sign in, and an article
// through its life. The compiler checks every name and type below against the document.

import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

declare const process: { env: Record<string, string> };

type Problem = components["schemas"]["Problem"];

function check(fact: boolean, what: unknown): asserts fact {
  if (!fact) throw new Error(JSON.stringify(what));
}

const baseUrl = process.env.INKSTONE_URL;
const credentials = { email: process.env.INKSTONE_EMAIL, password: process.env.INKSTONE_PASSWORD };

const signIn = await createClient<paths>({ baseUrl }).POST("/v1/auth/login", { body: credentials });
check(signIn.data !== undefined, signIn.error);
const headers = { authorization: `Bearer ${signIn.data.access_token}` };
const client = createClient<paths>({ baseUrl, headers });

const made = await client.POST("/v1/articles", {
  body: { title: "Tides", body: "The moon pulls.", tags: ["sea"] },
});
check(made.data !== undefined, made.error);
const id: string = made.data.id;
check(made.response.headers.get("location") === `/v1/articles/${id}`, made.response.status);

const read = await client.GET("/v1/articles/{id}", { params: { path: { id } } });
check(read.data?.title === "Tides" && read.data.status === "draft", read);

const page = await client.GET("/v1/articles", {
  params: { query: { limit: 5, "filter[status]": "draft" } },
});
check(page.data?.data.length === 1 && page.data.data[0].id === id, page);
check(page.data.next_cursor == null, page);

const changed = await client.PATCH("/v1/articles/{id}", {
  params: { path: { id }, header: { "if-match": '"1"' } },
  body: { title: "Tides, again" },
});
check(changed.data?.revision === 2, changed);

const late = await client.PATCH("/v1/articles/{id}", {
  params: { path: { id }, header: { "if-match": '"1"' } },
  body: { title: "Late" },
});
const mismatch: Problem | undefined = late.error;
check(late.response.status === 412 && mismatch?.code === "revision_mismatch", late);
check(mismatch.current_revision === 2, mismatch);

const wrong = await client.POST("/v1/articles", { body: { title: "" } });
check(wrong.error?.errors?.[0].pointer === "/title", wrong);

const gone = await client.DELETE("/v1/articles/{id}", {
  params: { path: { id }, header: { "if-match": '"2"' } },
});
check(gone.response.status === 204, gone);
const missing = await client.GET("/v1/articles/{id}", { params: { path: { id } } });
check(missing.error?.code === "not_found", missing);

console.log("all steps passed");
