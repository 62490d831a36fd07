import assert from 'node:assert/strict';
import test from 'node:test';
import { PauseGate } from './gate.ts';

const settled = async (promise: Promise<unknown>): Promise<boolean> => {
  let done = false;
  void promise.then(
    () => (done = true),
    () => (done = true),
  );
  await new Promise((resolve) => setImmediate(resolve));
  return done;
};

test('what has begun goes on; what has not waits until the gate opens', async () => {
  const gate = new PauseGate();
  const { signal } = new AbortController();
  const first = await gate.enter(signal);
  gate.close();
  assert.equal(gate.hold, 'pausing');
  const second = gate.enter(signal);
  assert.equal(await settled(second), false);
  first[Symbol.dispose]();
  assert.equal(gate.hold, 'paused');
  gate.close();
  assert.equal(await settled(second), false);
  gate.open();
  (await second)[Symbol.dispose]();
  assert.equal(gate.hold, 'none');
});

test('opened and closed again at once, it lets nobody slip through', async () => {
  const gate = new PauseGate();
  gate.close();
  const waiting = gate.enter(new AbortController().signal);
  gate.open();
  gate.close();
  assert.equal(await settled(waiting), false);
  gate.open();
  await waiting;
});

test('an interruption ends the wait', async () => {
  const gate = new PauseGate();
  const interruption = new AbortController();
  gate.close();
  const waiting = gate.enter(interruption.signal);
  interruption.abort(new Error('stop'));
  await assert.rejects(waiting, /stop/);
  await assert.rejects(gate.enter(interruption.signal), /stop/);
  assert.equal(gate.hold, 'pausing');
});
