import { App } from "aws-cdk-lib";
import { describe, expect, test } from "vitest";

import { consumption, readSettings, type Settings, STAGES } from "../lib/settings.ts";

const read = (context: Record<string, unknown>): Settings =>
  readSettings(new App({ context: { mailFrom: "muster@example.com", ...context } }).node, { lambdaDir: "/nowhere" });

const SHAPE = { batch_size: 100, batch_window_seconds: 1, visibility_timeout_seconds: 180, max_receives: 5 };

describe("the settings", () => {
  test.each([undefined, "production", ""])("are refused for the stage %s", (stage) => {
    expect(() => read(stage === undefined ? {} : { stage })).toThrow("Say which stage");
  });

  test("are refused without a sender, and with half a domain", () => {
    expect(() => read({ stage: "dev", mailFrom: "" })).toThrow("Say who messages come from");
    expect(() => read({ stage: "dev", domainName: "tasks.example.com" })).toThrow("go together");
  });

  test("let everybody sign up, or whoever is invited, or nobody", () => {
    expect(read({ stage: "dev" }).signup).toBe("open");
    for (const signup of ["invitation", "closed"]) expect(read({ stage: "dev", signup }).signup).toBe(signup);
    expect(() => read({ stage: "dev", signup: "perhaps" })).toThrow("open, invitation, closed");
  });

  test("ask some roles for a second factor, and end sessions that stand still", () => {
    expect(read({ stage: "dev" }).requireSecondFactor).toEqual([]);
    expect(read({ stage: "dev", requireSecondFactor: "admin,manager" }).requireSecondFactor).toEqual(["admin", "manager"]);
    expect(() => read({ stage: "dev", requireSecondFactor: ["root"] })).toThrow("admin, manager, member, auditor; not root");
    expect(read({ stage: "dev", sessionIdleHours: "12" }).sessionIdleHours).toBe("12");
    for (const sessionIdleHours of ["0", "721", "a day"]) expect(() => read({ stage: "dev", sessionIdleHours })).toThrow("1 to 720");
  });

  test("let letters lead to the public address, or else to the domain", () => {
    const domain = { domainName: "tasks.example.com", certificateArn: "arn:aws:acm:us-east-1:1:certificate/1" };
    expect(read({ stage: "dev" }).publicUrl).toBeUndefined();
    expect(read({ stage: "dev", ...domain }).publicUrl).toBe("https://tasks.example.com");
    expect(read({ stage: "dev", ...domain, publicUrl: "https://muster.example.com" }).publicUrl).toBe("https://muster.example.com");
    for (const publicUrl of ["tasks.example.com", "https://a?b", "https://a#b"]) {
      expect(() => read({ stage: "dev", publicUrl }), publicUrl).toThrow("publicUrl");
    }
  });

  test("name outside issuers as an object or as JSON, and a secret for each that has one", () => {
    const oidc = { providers: [{ id: "pool" }] };
    expect(read({ stage: "dev" }).oidc).toBeUndefined();
    expect(read({ stage: "dev", oidc }).oidc).toEqual({ document: JSON.stringify(oidc), secrets: {} });
    expect(read({ stage: "dev", oidc: JSON.stringify(oidc) }).oidc).toEqual({ document: JSON.stringify(oidc), secrets: {} });
    expect(() => read({ stage: "dev", oidc: { issuers: [] } })).toThrow("a list of providers");
    expect(() => read({ stage: "dev", oidc: ["pool"] })).toThrow("to be an object");
    const secret = (place: unknown) => ({ stage: "dev", oidc: { providers: [{ id: "pool", client_secret: place }] } });
    expect(() => read(secret({ env: "POOL" }))).toThrow("POOL");
    expect(() => read(secret({ file: "/secret" }))).toThrow("no files");
    expect(read({ ...secret({ env: "POOL" }), oidcSecrets: { POOL: "muster/pool" } }).oidc?.secrets).toEqual({ POOL: "muster/pool" });
  });

  test("take a list of origins from cdk.json, or with commas from the command line", () => {
    expect(read({ stage: "dev" }).corsOrigins).toEqual([]);
    expect(read({ stage: "dev", corsOrigins: ["https://a.example"] }).corsOrigins).toEqual(["https://a.example"]);
    expect(read({ stage: "dev", corsOrigins: "https://a.example, https://b.example" }).corsOrigins).toEqual([
      "https://a.example",
      "https://b.example",
    ]);
  });

  test("have one signing key unless more are named, and then say which of them signs", () => {
    const keys = (context: Record<string, unknown>) => read({ stage: "dev", ...context }).signingKeys;
    expect(keys({})).toEqual({ all: ["signing"], signing: "signing", accepted: ["signing"] });
    expect(keys({ signingKeys: ["signing", "signing-2"], signingKey: "signing" })).toEqual({
      all: ["signing", "signing-2"],
      signing: "signing",
      accepted: ["signing", "signing-2"],
    });
    expect(keys({ signingKeys: "signing,signing-2", signingKey: "signing-2", acceptedKeys: "signing-2" })).toEqual({
      all: ["signing", "signing-2"],
      signing: "signing-2",
      accepted: ["signing-2"],
    });
    expect(keys({ signingKeys: "signing-2" })).toEqual({ all: ["signing-2"], signing: "signing-2", accepted: ["signing-2"] });
    expect(() => keys({ signingKeys: "signing,signing-2" })).toThrow("Say which of the signingKeys signs");
    expect(() => keys({ signingKey: "signing-2" })).toThrow("signing-2 is none of the signingKeys: signing");
    const apart = { signingKeys: "signing,signing-2", signingKey: "signing-2", acceptedKeys: "signing" };
    expect(() => keys(apart)).toThrow("signing-2 signs, so it is to be among the acceptedKeys");
    expect(() => keys({ signingKeys: "server" })).toThrow("A signing key is called");
  });

  test.each(STAGES)("keep the visibility of a queue at six times the timeout, in %s", (stage) => {
    const { visibility, timeout } = consumption(read({ stage }), SHAPE);
    expect(visibility.toSeconds()).toBe(6 * timeout.toSeconds());
  });

  test("are in a hurry in the emulator only", () => {
    expect(consumption(read({ stage: "prod" }), SHAPE).maxReceives).toBe(5);
    expect(consumption(read({ stage: "e2e" }), SHAPE).maxReceives).toBe(2);
    expect(consumption(read({ stage: "prod" }), SHAPE).timeout.toSeconds()).toBe(30);
    expect(consumption(read({ stage: "e2e" }), SHAPE).timeout.toSeconds()).toBe(5);
  });
});
