import { AppError } from '../../core/errors.ts';

/** Longest name that file systems take, in bytes. */
const MAX_NAME_BYTES = 255;

/**
 * The name of the file for a document: its archive id, with what a file's name cannot hold written as %XX (a slash, control
 * characters, a dot at the start), and % itself. Throws `usage.invalid` where that is too long.
 */
export const fileNameOf = (archiveId: string): string => {
  const name = archiveId.replace(/^\.|[%/\\\u0000-\u001f\u007f]/g, (character) => encodeCharacter(character));
  if (Buffer.byteLength(name) > MAX_NAME_BYTES)
    throw new AppError('usage.invalid', `${JSON.stringify(archiveId)}: too long for the name of a file`, {
      remedy: 'Get it alone, with --output FILE.',
    });
  return name;
};

const encodeCharacter = (character: string): string =>
  `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;

/** The archive id that a file's name stands for: the reverse of `fileNameOf`. Throws `usage.invalid`. */
export const archiveIdOf = (fileName: string): string => {
  try {
    return decodeURIComponent(fileName);
  } catch (cause) {
    throw new AppError('usage.invalid', `${fileName}: a % in the name of a file stands before two hexadecimal digits`, {
      cause,
      remedy: 'Name the document with --id ID, or write %25 for the % itself.',
    });
  }
};
