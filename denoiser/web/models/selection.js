/* Which model the Models page shows, and which others beside it. */

export class Selection {
  /** @param {any[]} entries  of all models, in order: what the page knows of each */
  constructor(entries) {
    this.entries = entries;
    this.byName = new Map(entries.map((entry) => [entry.name, entry]));
    /** @type {string | undefined} */
    this.name = (entries.find((entry) => entry.layers.length) ?? entries[0])?.name;
    /** @type {Set<string>} */
    this.compared = new Set(entries.filter((entry) => entry.featured).map((entry) => entry.name));
  }

  /** The entry of the model shown. */
  get model() {
    return this.byName.get(this.name);
  }

  /** The entries of the model shown and of those compared with it. */
  get models() {
    return [this.name, ...[...this.compared].filter((name) => name !== this.name)].map((name) => this.byName.get(name));
  }

  /** The name of the model `by` positions after the one shown, around the end. */
  neighbour(by) {
    const index = this.entries.findIndex((entry) => entry.name === this.name);
    return this.entries[(index + by + this.entries.length) % this.entries.length].name;
  }

  /** @param {string} name */
  toggleCompared(name) {
    if (!this.compared.delete(name)) this.compared.add(name);
  }
}
