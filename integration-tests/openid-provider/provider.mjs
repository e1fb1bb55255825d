// An OpenID provider for tests: panva's oidc-provider (certified by the OpenID Foundation) on loopback, with one client
// and with people given as JSON. It asks for a name and takes any password.
// usage: node provider.mjs '{"port":…, "client":{…}, "people":{"lan":{claims}}}'
import { Provider } from "oidc-provider";

const { port, client, people } = JSON.parse(process.argv[2]);
const claimed = [...new Set(Object.values(people).flatMap(Object.keys))];

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [client],
  claims: { openid: ["sub", ...claimed] },
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  features: { backchannelLogout: { enabled: true } },
  findAccount: (_, name) => (people[name] ? { accountId: name, claims: () => ({ sub: name, ...people[name] }) } : undefined),
  // its own way of calling clients refuses loopback, and waits 2.5 s
  fetch: (url, { dispatcher, signal, ...options }) => globalThis.fetch(url, options),
  // what people are shown is their own affair: nobody is asked for consent
  loadExistingGrant: async (context) => {
    const grant = new context.oidc.provider.Grant({ clientId: context.oidc.client.clientId, accountId: context.oidc.session.accountId });
    grant.addOIDCScope("openid profile email");
    await grant.save();
    return grant;
  },
});
provider.on("backchannel.error", (_, error) => console.error("backchannel", error.message));
provider.on("server_error", (_, error) => console.error("server", error.stack));
provider.listen(port, "127.0.0.1", () => console.log("ready"));
