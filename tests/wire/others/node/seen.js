"use strict";
// What a script saw of the gateway: step by step, told as one JSON object in its last line.

const WITHIN_MS = 10_000;

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

function told(error) {
  const body = error.response?.data ?? error.body ?? {};
  return {
    kinds: [error.constructor.name],
    text: String(body.message ?? error.message),
    code: Number(body.code ?? error.code) || null,
    status: error.response?.status ?? error.status ?? error.statusCode ?? null,
  };
}

class Seen {
  steps = {};

  // Does one thing under a name; a step that fails ends nothing.
  async step(name, act) {
    try {
      const value = await act();
      this.steps[name] = { value: value === undefined ? null : value };
      return value;
    } catch (error) {
      this.steps[name] = { error: told(error) };
      return undefined;
    }
  }

  // Does them all, and tells what was seen also where one of them stopped the others.
  async all(act) {
    await this.step("all", act);
    this.tell();
  }

  tell() {
    process.stdout.write(`\n${JSON.stringify(this.steps)}\n`, () => process.exit(0));
  }
}

// Returns what is read once it is something; the embedded market moves every second.
async function until(read) {
  const end = Date.now() + WITHIN_MS;
  while (Date.now() < end) {
    const found = await read();
    if (found) return found;
    await pause(50);
  }
  throw new Error(`not within ${WITHIN_MS} ms`);
}

module.exports = { Seen, until };
