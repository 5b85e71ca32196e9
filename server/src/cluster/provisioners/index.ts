export { ProvisionError } from './errors.ts';
export type { ProvisionedNode, Provisioner } from './ports.ts';
