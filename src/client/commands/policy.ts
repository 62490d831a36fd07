import { AppError, messageOf } from '../../core/errors.ts';
import { isJsonMap, type Json } from '../../core/json.ts';
import { renderPlainTable } from '../../core/plain-table.ts';
import { indentedPythonJson, pythonJson } from '../../core/python-json.ts';
import { policiesSchema, type PolicyRecord, policySchema } from '../answers.ts';
import type { Command } from '../context.ts';
import { readInput } from '../documents/read-input.ts';
import { jsonBody, pathOf } from '../http/service.ts';
import { pythonText } from '../python-text.ts';

const describePolicy = (policy: PolicyRecord): string =>
  [
    `Policy ID: ${policy.policyId}`,
    `Active: ${pythonText(policy.active)}`,
    `Source: ${pythonText(policy.policy_source)}`,
    `Created: ${pythonText(policy.created_at)}`,
    `Updated: ${pythonText(policy.last_updated)}`,
  ].join('\n');

/** The active one first. */
const toRow = (policy: PolicyRecord): readonly string[] => [
  policy.policyId,
  pythonText(policy.active),
  pythonText(policy.created_at),
  pythonText(policy.last_updated),
];

export const policyList: Command = async ({ service, output }) => {
  const { answer, value } = await service.getAs('/policies?detail=False', policiesSchema);
  const sorted = value.toSorted(
    (a, b) => Number(b.active) - Number(a.active) || (a.policyId < b.policyId ? 1 : a.policyId > b.policyId ? -1 : 0),
  );
  output.text(renderPlainTable(['Policy ID', 'Active', 'Created', 'Updated'], sorted.map(toRow), 'left'));
  output.object(answer);
  return 0;
};

const getPolicy = async (
  service: Parameters<Command>[0]['service'],
  policyId: string,
): Promise<{ readonly answer: readonly Json[]; readonly records: readonly PolicyRecord[] }> => {
  const { answer, value } = await service.getAs(`/policies${pathOf(policyId)}?detail=True`, policiesSchema);
  if (value.length === 0) throw new AppError('request.not-found', `there is no policy ${JSON.stringify(policyId)}`);
  return { answer: Array.isArray(answer) ? answer : [], records: value };
};

/** Prints a policy, with `detail` its bundle as JSON. */
export const policyGet =
  (policyId: string, detail: boolean): Command =>
  async ({ service, output }) => {
    const { answer, records } = await getPolicy(service, policyId);
    const [record] = answer;
    const bundle = isJsonMap(record) ? (record['policybundle'] ?? null) : null;
    output.text(detail ? indentedPythonJson(bundle) : records.map(describePolicy).join('\n\n'));
    output.object(answer);
    return 0;
  };

/** Adds the bundle of a file (`-`: standard input), or replaces the one with its id. */
export const policyAdd =
  (file: string): Command =>
  async ({ service, output, stdin }) => {
    const text = (await readInput(file, stdin)).toString('utf8');
    try {
      JSON.parse(text);
    } catch (cause) {
      throw new AppError('usage.invalid', `${file}: not JSON: ${messageOf(cause)}`, {
        cause,
        remedy: 'Give a file that holds one policy bundle.',
      });
    }
    const answer = await service.send('POST', '/policies?detail=True', jsonBody(text));
    output.text(describePolicy(service.check(answer, policySchema, '/policies')));
    output.object(answer);
    return 0;
  };

/** Makes a policy the active one: sends back what a GET of it gave, as the original does. */
export const policyActivate =
  (policyId: string): Command =>
  async ({ service, output }) => {
    const { answer } = await getPolicy(service, policyId);
    const [record] = answer;
    const changed = { ...(isJsonMap(record) ? record : {}), active: true };
    const result = await service.send('PUT', `/policies${pathOf(policyId)}`, jsonBody(pythonJson(changed)));
    output.text(`Success: ${policyId} activated`);
    output.object(result);
    return 0;
  };

export const policyDelete =
  (policyId: string): Command =>
  async ({ service, output }) => {
    const answer = await service.send('DELETE', `/policies${pathOf(policyId)}`);
    output.text('Success');
    output.object(answer);
    return 0;
  };
