/** A request that a newer one of the same view has replaced: nothing to tell. */
export class Dropped extends Error {}
