package browser

import "strings"

// contrasts computes, for everything that shows text, the contrast of its colour and the colour behind it as WCAG
// defines it, and lists what has less than AA wants: 4.5, or 3 for large text; 3 too for the borders of controls.
const contrasts = `(() => {
	const rgba = (c) => { const m = c.match(/[\d.]+/g).map(Number); if (c.startsWith("color(")) return [...m.slice(0, 3).map((x) => x * 255), m[3] ?? 1]; return [m[0], m[1], m[2], m[3] ?? 1]; };
	const over = (top, under) => top.slice(0, 3).map((x, i) => x * top[3] + under[i] * (1 - top[3]));
	const behind = (e) => {
		const layers = [];
		for (; e; e = e.parentElement) { const c = rgba(getComputedStyle(e).backgroundColor); layers.push(c); if (c[3] === 1) break; }
		return layers.reverse().reduce((under, c) => over(c, under), [255, 255, 255]);
	};
	const lum = (c) => { const [r, g, b] = c.map((x) => { x /= 255; return x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
	const ratio = (a, b) => { const [x, y] = [lum(a), lum(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
	const name = (e) => e.tagName.toLowerCase() + "." + [...e.classList].join(".") + " " + (e.innerText || e.value || "").slice(0, 30);
	const poor = [];
	let checked = 0;
	for (const e of document.querySelectorAll("body *")) {
		const s = getComputedStyle(e);
		const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) || e.matches("input:not([type=file]):not([type=checkbox]):not([type=radio]), textarea, select");
		if (!e.checkVisibility({ opacityProperty: true, visibilityProperty: true }) || e.closest("svg, canvas, option, .only-read")) continue;
		const back = behind(e);
		if (own) {
			checked++;
			const large = parseFloat(s.fontSize) >= 24 || (parseFloat(s.fontSize) >= 18.66 && s.fontWeight >= 700);
			const r = ratio(over(rgba(s.color), back), back);
			if (r < (large ? 3 : 4.5)) poor.push(r.toFixed(2) + " " + name(e));
		}
		if (e.matches(".button:not(.plain):not(:disabled), input:not([type=file]):not([type=checkbox]):not([type=radio]), textarea, select") && e.closest("main")) {
			const around = behind(e.parentElement);
			const r = Math.max(ratio(over(rgba(s.borderTopColor), around), around), ratio(back, around));
			if (r < 3) poor.push(r.toFixed(2) + " border of " + name(e));
		}
	}
	if (checked < 8) poor.push("only " + checked + " texts were found");
	return poor;
})()`

// nameless lists what can be used but has no name for those who can't see it.
const nameless = `[...document.querySelectorAll("a, button, input, select, textarea, [role=img], [role=region], [role=progressbar], [tabindex='0']")].filter((e) => e.offsetParent && !(e.innerText?.trim() || e.getAttribute("aria-label") || e.labels?.length || e.getAttribute("aria-labelledby"))).map((e) => e.outerHTML.slice(0, 90))`

// Accessible holds what is shown against WCAG's AA in both colour schemes, and looks for controls without a name. name
// is that of the view, for messages and pictures.
func (b *Tab) Accessible(name string) {
	b.Helper()
	for _, scheme := range []string{"light", "dark"} {
		b.Scheme(scheme)
		if poor := JS[[]string](b, contrasts); len(poor) > 0 {
			b.Errorf("%s, %s: %s", name, scheme, strings.Join(poor, "; "))
		}
		b.Shoot(name + "-" + scheme)
	}
	if nameless := JS[[]string](b, nameless); len(nameless) > 0 {
		b.Errorf("%s: without a name: %q", name, nameless)
	}
}
