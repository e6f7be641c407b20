/* Rules for the browser's code. In addition to the recommended ones: pages do not import each other, the shell imports no
   page, and only shell/html.js, which escapes, writes markup. */
import { existsSync, readdirSync } from "node:fs";
import js from "@eslint/js";
import globals from "globals";

const WEB = "denoiser/web";
const PAGES = readdirSync(WEB).filter((folder) => existsSync(`${WEB}/${folder}/tab.py`));
const MARKUP = "Write markup with html`...` and setHtml of shell/html.js, which escape the values.";
const WRITERS = ["innerHTML", "outerHTML", "insertAdjacentHTML", "srcdoc", "setHTMLUnsafe"];

const noImport = (pages, message) => ({
  "no-restricted-imports": ["error", { patterns: [{ regex: `^(\\.\\./)+(${pages.join("|")})/`, message }] }],
});

const TOP_LEVEL_AWAIT = {
  selector: "AwaitExpression:not(:function *)",
  message: "No top-level await: WebKit runs modules that import such a module too early.",
};

export default [
  { ignores: ["node_modules/", ".venv/", ".scratch/"] },
  js.configs.recommended,
  { languageOptions: { ecmaVersion: 2024, sourceType: "module", globals: globals.browser } },
  {
    rules: {
      "no-restricted-properties": [
        "error",
        ...WRITERS.map((property) => ({ property, message: MARKUP })),
        { object: "document", property: "write", message: MARKUP },
      ],
      eqeqeq: ["error", "always", { null: "ignore" }],
      "no-var": "error",
      "prefer-const": "error",
      "one-var": ["error", "never"],
    },
  },
  { files: ["denoiser/web/shell/html.js", "tests/js/html.test.js"], rules: { "no-restricted-properties": "off" } },
  { files: [`${WEB}/**/*.js`], rules: { "no-restricted-syntax": ["error", TOP_LEVEL_AWAIT] } },
  { files: ["denoiser/web/shell/**/*.js"], rules: noImport(PAGES, "The shell must not depend on a page.") },
  ...PAGES.map((page) => ({
    files: [`denoiser/web/${page}/**/*.js`],
    rules: noImport(
      PAGES.filter((other) => other !== page),
      "Pages do not import each other; code that several need belongs in the shell.",
    ),
  })),
  { files: ["tests/js/**/*.js", "*.js"], languageOptions: { globals: globals.node } },
];
