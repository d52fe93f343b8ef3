// The server's routes.
import { askKey } from "./key.js";
import { t } from "./language.js";
import { said } from "./said.js";

// A Failure is an answer that is an error: message is in the reader's language, fault as the server sent it.
export class Failure extends Error {
  constructor(status, fault) {
    super(fault?.message ? said(fault.message) : "HTTP " + status);
    this.status = status;
    this.fault = fault ?? {};
  }
}

const kept = "hone.key";

export function headers() {
  const key = sessionStorage.getItem(kept);
  return key ? { Authorization: "Bearer " + key } : {};
}

// ask does a request and returns the response if it is a good one. Where the server wants a key it asks the person
// for it, once for all requests that wait.
export async function ask(path, options = {}) {
  for (;;) {
    const response = await reached(fetch(path, { ...options, headers: { ...options.headers, ...headers() } }));
    if (response.ok) return response;
    if (response.status === 401) {
      const key = await askKey(Boolean(headers().Authorization));
      if (key) {
        sessionStorage.setItem(kept, key);
        continue;
      }
    }
    let fault;
    try {
      fault = (await response.json()).error;
    } catch {
      // no JSON: the status says what there is to say
    }
    throw new Failure(response.status, typeof fault === "string" ? { message: fault } : fault);
  }
}

// reached waits for the server. Where there is none, browsers say so each in its own words.
function reached(answer) {
  return answer.catch((err) => {
    throw err instanceof TypeError ? new Failure(0, { message: t("wrong.server") }) : err;
  });
}

export const get = async (path, signal) => (await ask(path, { signal })).json();

export const post = async (path, body, signal) =>
  (await ask(path, { method: "POST", signal, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body ?? {}) })).json();

export const send = async (path, form, signal) => (await ask(path, { method: "POST", signal, body: form })).json();

export const remove = async (path) => (await ask(path, { method: "DELETE" })).json();

// all lists every page of a list.
export async function all(path) {
  const items = [];
  for (let after = ""; ; ) {
    const page = await get(path + (path.includes("?") ? "&" : "?") + "limit=100" + (after && "&after=" + encodeURIComponent(after)));
    items.push(...(page.data ?? []));
    if (!page.has_more || !page.data?.length) return items;
    after = page.data.at(-1).id;
  }
}

// events yields the objects of the "data:" lines of a stream, until it ends or says [DONE].
export async function* events(path, options) {
  const response = await ask(path, options);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reached(reader.read());
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      if (!line.startsWith("data:")) continue;
      const text = line.slice(5).trim();
      if (text === "[DONE]") return;
      const event = JSON.parse(text);
      if (event.error) throw new Failure(500, event.error);
      yield event;
    }
  }
}
