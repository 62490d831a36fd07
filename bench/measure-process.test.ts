import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { measureProcess } from './measure-process.ts';

describe('the cost of a process', () => {
  test('its memory and its processor time are those of the command, not of the shell around it', async () => {
    const work = `const kept = Buffer.alloc(150e6, 1);
      const until = process.cpuUsage().user + 300_000; while (process.cpuUsage().user < until);
      setTimeout(() => console.log(kept.length, process.env.GIVEN), 300);`;
    const cost = await measureProcess(process.execPath, ['-e', work], { environment: { GIVEN: 'yes' } });
    assert.equal(cost.stdout, '150000000 yes\n');
    assert.ok(cost.peakMemoryBytes > 150e6 && cost.peakMemoryBytes < 400e6, `${cost.peakMemoryBytes}`);
    assert.ok(cost.cpuSeconds >= 0.3, `${cost.cpuSeconds}`);
    assert.ok(cost.wallSeconds >= 0.6, `${cost.wallSeconds}`);
  });

  test('a command that fails is not measured', async () => {
    await assert.rejects(measureProcess('/bin/sh', ['-c', 'echo why >&2; exit 3']), /ended with 3:\nwhy/);
  });

  test('a signal ends it', async () => {
    const stopping = new AbortController();
    const running = measureProcess('/bin/sleep', ['60'], { signal: stopping.signal });
    setTimeout(() => stopping.abort(new Error('stopped')), 100);
    await assert.rejects(running, /stopped/);
  });
});
