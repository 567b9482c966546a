// A certified issuer of OpenID Connect (`oidc-provider`) on a free port, for one client. It prints its
// address, and lets anybody in who says who they are: `ada` is ada@example.org.

import { once } from "node:events";
import { createServer } from "node:http";
import { Provider } from "oidc-provider";

// Nobody reads what it says after its address.
process.stdout.on("error", () => {});

const [redirectUri] = process.argv.slice(2);
const server = createServer();
server.listen(0, "127.0.0.1");
await once(server, "listening");
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: "inkstone",
      client_secret: "from-the-issuer",
      redirect_uris: [redirectUri],
      grant_types: ["authorization_code"],
      response_types: ["code"],
    },
  ],
  pkce: { required: () => true },
  cookies: { keys: ["of a test"] },
  claims: { email: ["email", "email_verified"], profile: ["name"] },
  async findAccount(_context, id) {
    return {
      accountId: id,
      claims: async () => ({
        sub: id,
        email: `${id}@example.org`,
        email_verified: true,
        name: "Ada of the issuer",
      }),
    };
  },
});
server.on("request", provider.callback());
console.log(issuer);
