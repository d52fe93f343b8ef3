// The dialog that asks for the server's key.
import { h, field } from "./dom.js";
import { t } from "./language.js";

let waiting; // the dialog that is open, for all that ask meanwhile

// askKey resolves with the key, or "" if the person closes the dialog.
export function askKey(wrong) {
  waiting ??= new Promise((done) => {
    const input = h("input", { type: "password", autocomplete: "current-password", required: true });
    const dialog = h("dialog", { "aria-labelledby": "key-title" },
      h("form", { method: "dialog" },
        h("h2", { id: "key-title" }, t("key.title")),
        field(t("key.label"), input, wrong ? t("key.wrong") : t("key.hint")),
        h("div", { class: "actions" }, h("button", { class: "button main" }, t("key.ok")))));
    dialog.addEventListener("close", () => {
      dialog.remove();
      waiting = undefined;
      done(input.value);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
  return waiting;
}

// confirmed asks before something that can't be undone.
export function confirmed(title, text, action) {
  return new Promise((done) => {
    const dialog = h("dialog", { "aria-labelledby": "confirm-title" },
      h("form", { method: "dialog" },
        h("h2", { id: "confirm-title" }, title),
        text && h("p", { class: "quiet" }, text),
        h("div", { class: "actions" },
          h("button", { class: "button", value: "" }, t("confirm.no")),
          h("button", { class: "button main", value: "yes" }, action))));
    dialog.addEventListener("close", () => {
      dialog.remove();
      done(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
