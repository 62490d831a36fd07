/** What contenders are called, in results and on the page. */
export const OURS = 'anchore-manager';
export const BUILT = 'anchore-manager, compiled';
export const LOOP = 'bare requests';
export const RCLONE = 'rclone copy';
export const ORIGINAL = "the original's order";
export const INSERT = 'INSERT ... SELECT';

/** What is tried to find a rival's best setting. */
export const CONCURRENCIES = [4, 8, 16, 32, 64] as const;
