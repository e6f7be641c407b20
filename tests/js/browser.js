/* What a browser has and Node has not, as far as our modules ask for it while they load. */

globalThis.location ??= /** @type {any} */ ({ hash: "", href: "http://localhost/", search: "" });
globalThis.document ??= /** @type {any} */ ({ documentElement: {} });
