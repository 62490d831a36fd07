import { AppError } from '../../core/errors.ts';
import type { StoreCondition } from '../contract.ts';
import type { S3Options } from './config.ts';
import { childText, childrenNamed, findChild, type XmlElement } from './xml.ts';

/** Classes whose objects must be restored, for hours, before they can be read. GLACIER_IR is read at once. */
const ARCHIVAL_CLASSES: readonly string[] = ['GLACIER', 'DEEP_ARCHIVE'];

const isArchival = (storageClass: string | undefined): storageClass is string =>
  storageClass !== undefined && ARCHIVAL_CLASSES.includes(storageClass.trim().toUpperCase());

/** What is written with such a class can be read by nobody: neither to prove a copy nor by the services. */
export const findArchivalTarget = ({ bucket, storageClass }: S3Options): AppError | undefined =>
  isArchival(storageClass)
    ? new AppError(
        'refused.archival-class',
        `storage_class ${storageClass} of the bucket "${bucket}" is archival: what is written with it cannot be read before it is restored`,
      )
    : undefined;

/** What an enabled rule of a lifecycle configuration does to objects under the prefix, such as `moves objects to GLACIER`. */
const describeRule = (rule: XmlElement, prefix: string): readonly string[] => {
  if (childText(rule, 'Status')?.trim() !== 'Enabled') return [];
  const filter = findChild(rule, 'Filter');
  const both = filter && findChild(filter, 'And');
  // Our objects have no tags, so that a rule for tagged ones leaves them alone.
  if ([filter, both].some((part) => part !== undefined && findChild(part, 'Tag') !== undefined)) return [];
  const concerned = childText(both ?? filter ?? rule, 'Prefix') ?? '';
  if (!concerned.startsWith(prefix) && !prefix.startsWith(concerned)) return [];
  const deeds = childrenNamed(rule, 'Transition').flatMap((transition) => {
    const storageClass = childText(transition, 'StorageClass')?.trim();
    return isArchival(storageClass) ? [`moves objects to ${storageClass}${describeTime(transition)}`] : [];
  });
  const expiration = findChild(rule, 'Expiration');
  const expires = expiration === undefined ? '' : describeTime(expiration);
  return expires === '' ? deeds : [...deeds, `deletes objects${expires}`];
};

const describeTime = (action: XmlElement): string => {
  const days = childText(action, 'Days')?.trim();
  const date = childText(action, 'Date')?.trim();
  if (days !== undefined) return ` ${days} ${days === '1' ? 'day' : 'days'} after they were written`;
  return date === undefined ? '' : ` from ${date} on`;
};

/** Rules of the bucket that would take documents out of the services' reach after they have been written. */
export const judgeLifecycle = (
  configuration: XmlElement | undefined,
  { bucket, prefix }: S3Options,
): readonly StoreCondition[] => {
  if (configuration === undefined) return [];
  return childrenNamed(configuration, 'Rule').flatMap((rule): readonly StoreCondition[] => {
    const deeds = describeRule(rule, prefix);
    if (deeds.length === 0) return [];
    const id = childText(rule, 'ID')?.trim();
    const named = id === undefined || id === '' ? 'a lifecycle rule' : `the lifecycle rule "${id}"`;
    const text = `${named} of the bucket "${bucket}" ${deeds.join(' and ')}`;
    return [{ severity: 'warn', concerns: 'writing', error: new AppError('store.lifecycle', text), forceable: true }];
  });
};

/** What a page of a listing says of the classes of its objects. Only a sample: the rest of the bucket is not looked at. */
export const judgeListing = (page: XmlElement | undefined, { bucket }: S3Options): readonly StoreCondition[] => {
  const objects = page === undefined ? [] : childrenNamed(page, 'Contents');
  const classes = objects.map((object) => childText(object, 'StorageClass')?.trim()).filter(isArchival);
  if (classes.length === 0) return [];
  const error = new AppError(
    'store.archived',
    `of the first ${objects.length} objects of the bucket "${bucket}", ${classes.length} lie in an archival class ` +
      `(${[...new Set(classes)].join(', ')}): documents among them cannot be read before they are restored`,
    {
      remedy:
        'Restore the objects in the store before the migration; those that are not fail, and retry ID copies them later.',
    },
  );
  return [{ severity: 'warn', concerns: 'cleaning', error, forceable: true }];
};
