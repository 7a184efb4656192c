import { afterEach, describe, expect, it, vi } from "vitest";
import { pageAsker } from "./pages";

const QUERY = { hostId: "rack 1", pid: 7, address: 0x7f0000200000, part: 3 };
const ask = pageAsker("http://h:1/base/?x=1#/host/a", { atS: null });

function answering(answer: () => Response): { readonly urls: string[] } {
  const urls: string[] = [];
  vi.stubGlobal("fetch", (url: URL) => {
    urls.push(url.href);
    return Promise.resolve().then(answer);
  });
  return { urls };
}

async function fault(answer: () => Response): Promise<string> {
  answering(answer);
  return ask(QUERY, new AbortController().signal).then(
    () => "",
    (error: unknown) => (error as Error).message,
  );
}

afterEach(() => {
  vi.unstubAllGlobals();
});

describe("the page route", () => {
  it("is asked about the moment that is shown, where that is not the present", async () => {
    const { urls } = answering(() => Response.json({}));
    const past = pageAsker("http://h:1/", { atS: 12.5 });
    await past(QUERY, new AbortController().signal);
    expect(urls[0]).toContain("at_s=12.5");
  });

  it("is asked relative to the page, with the address in hexadecimal", async () => {
    const { urls } = answering(() => Response.json({ pid: 7 }));
    expect(await ask(QUERY, new AbortController().signal)).toEqual({ pid: 7 });
    await ask({ ...QUERY, part: null }, new AbortController().signal);
    const url = "http://h:1/base/api/v1/hosts/rack%201/page?pid=7&address=0x7f0000200000";
    expect(urls).toEqual([`${url}&part=3`, url]);
  });

  it("has faults in words", async () => {
    expect(await fault(() => Response.json({ code: "x", message: "gone" }, { status: 404 }))).toBe(
      "gone",
    );
    expect(await fault(() => new Response("<html>", { status: 502 }))).toBe(
      "The server answered with status 502.",
    );
    expect(
      await fault(() => {
        throw new TypeError("Failed to fetch");
      }),
    ).toBe("The server does not answer.");
  });
});
