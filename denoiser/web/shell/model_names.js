/* What models are called on the page: by the label of their family or filter where no other has it, as U-Net; else by
   what tells them apart, as Dense 16; and one without such a text, of a file of one's own, by its name. */
import { t } from "./i18n.js";

/**
 * The display name of a model among others.
 * @param {{name: string, label: string}} model
 * @param {{label: string}[]} others  it may be one of them
 */
export function displayName({ name, label }, others) {
  if (others.filter((other) => other.label === label).length <= 1) return label;
  const key = `visit.model.${name}`;
  const difference = t(key);
  return difference === key ? name : `${label} ${difference}`;
}
