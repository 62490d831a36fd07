import { z } from 'zod';
import { type DriverSection, requiredText } from '../../core/driver-section.ts';

export interface LocalfsOptions {
  /** The root folder as it is written in the file, since it becomes part of every content URL. */
  readonly archiveDataDir: string;
  /** Who shall own new files and folders; undefined: whoever runs the program. */
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
  /** Permission bits of new files; undefined: as the umask makes them. */
  readonly fileMode: number | undefined;
  /** Permission bits of new folders; where only `mode` is set, that with the right to enter wherever it gives the right to read. */
  readonly folderMode: number | undefined;
}

const modeExpected = 'permission bits in octal, such as 0640';

const mode = z
  .string(modeExpected)
  .regex(/^(0o?)?[0-7]{3,4}$/, modeExpected)
  .transform((text) => Number.parseInt(text.replace(/^0o/, ''), 8))
  .optional();

const ownerExpected = 'a numeric user id and group id, such as 1000:1000';

const owner = z
  .string(ownerExpected)
  .regex(/^\d{1,10}(:\d{1,10})?$/, ownerExpected)
  .transform((text) => {
    const [uid, gid] = text.split(':').map(Number);
    return { uid: uid ?? 0, gid: gid ?? uid ?? 0 };
  })
  .optional();

const withEntry = (fileMode: number): number => fileMode | ((fileMode & 0o444) >> 2);

const shape = { archive_data_dir: requiredText('the path of a folder'), owner, mode, folder_mode: mode };

export const localfsSection: DriverSection<'localfs', LocalfsOptions> = {
  driver: 'localfs',
  schema: z.object(shape).transform((section) => ({
    archiveDataDir: section.archive_data_dir,
    owner: section.owner,
    fileMode: section.mode,
    folderMode: section.folder_mode ?? (section.mode === undefined ? undefined : withEntry(section.mode)),
  })),
  keys: Object.keys(shape),
  secretKeys: [],
  environment: {},
};
