import { access, constants } from 'node:fs/promises';

/** Whether `install.sh` can install Debian's packages here. */
export const canInstallPackages = async (): Promise<boolean> => {
  if (process.getuid?.() !== 0) return false;
  return access('/usr/bin/apt-get', constants.X_OK).then(
    () => true,
    () => false,
  );
};
