// Talks to the server this page came from. Addresses are relative: the page also works below a proxy's path.

const KEY = 'fathom.key';

export const apiKey = {
  get: () => sessionStorage.getItem(KEY) ?? '',
  set: (key) => (key ? sessionStorage.setItem(KEY, key) : sessionStorage.removeItem(KEY)),
};

/** What the server refused, in its own words. */
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function call(path, options = {}) {
  const headers = { ...options.headers };
  if (apiKey.get()) {
    headers.Authorization = `Bearer ${apiKey.get()}`;
  }
  const response = await fetch(path, { ...options, headers });
  if (!response.ok) {
    throw new Refused(response.status, await sentence(response));
  }
  return response;
}

async function sentence(response) {
  const text = await response.text();
  try {
    const body = JSON.parse(text);
    return body.message ?? body.error.message;
  } catch {
    return `The server answered ${response.status}.`;
  }
}

export async function get(path) {
  return (await call(path)).json();
}

/** The chunks of a streamed chat completion. Aborting the signal closes the connection, and so ends the request. */
export async function* streamChat(body, signal) {
  const response = await call('v1/chat/completions', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
    signal,
  });
  for await (const data of events(response.body)) {
    if (data === '[DONE]') {
      return;
    }
    const chunk = JSON.parse(data);
    if (chunk.error) {
      throw new Refused(chunk.error.code, chunk.error.message);
    }
    yield chunk;
  }
  throw new Refused(0, 'The connection ended in the middle of the answer.');
}

/** The data of server-sent events, one at a time. */
async function* events(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) {
      return;
    }
    const parts = (rest + value).split('\n\n');
    rest = parts.pop();
    for (const part of parts) {
      if (part.startsWith('data: ')) {
        yield part.slice('data: '.length);
      }
    }
  }
}
