// An issuer of OpenID Connect that is not ours: oidc-provider, with the sign-in pages that it brings along for development. Prints its
// address, takes on each line of the standard input what it is to say of a person, and ends when that input does.
import { generateKeyPairSync, randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { createInterface } from "node:readline";

import Provider from "oidc-provider";

const [, , ...redirectUris] = process.argv;
const people = new Map();

function signingKey(alg) {
  const { privateKey } =
    alg === "ES256" ? generateKeyPairSync("ec", { namedCurve: "P-256" }) : generateKeyPairSync("rsa", { modulusLength: 2048 });
  return { ...privateKey.export({ format: "jwk" }), alg, kid: randomUUID(), use: "sig" };
}

const client = (client_id, more) => ({
  client_id,
  redirect_uris: redirectUris,
  grant_types: ["authorization_code"],
  response_types: ["code"],
  ...more,
});

const configuration = {
  clients: [
    // A colon and a space: what goes into the header has to be encoded first.
    client("muster", { client_secret: "open: sesame, and a good deal more", token_endpoint_auth_method: "client_secret_basic" }),
    client("muster-app", { token_endpoint_auth_method: "none", id_token_signed_response_alg: "ES256" }),
  ],
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"], groups: ["groups"] },
  cookies: { keys: [randomUUID()] },
  findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub, ...people.get(sub) }) }),
  jwks: { keys: [signingKey("RS256"), signingKey("ES256")] },
  pkce: { required: () => true },
  scopes: ["openid", "email", "profile", "groups"],
};

const server = createServer();
server.listen(0, "127.0.0.1", () => {
  const provider = new Provider(`http://127.0.0.1:${server.address().port}`, configuration);
  server.on("request", provider.callback());
  console.log(`issuer: ${provider.issuer}`);
});

const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => {
  const { sub, ...claims } = JSON.parse(line);
  people.set(sub, claims);
  console.log(`knows: ${sub}`);
});
lines.on("close", () => process.exit(0));
