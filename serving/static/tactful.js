/* Tactful in a page: tells the decision service what a visitor does, asks it once when the visitor leaves, and shows
   the pop-up, or the campaign, if it says so. What is sent and stored, and when: docs/browser.md. It never throws. */
(() => {
  "use strict";
  const tag = document.currentScript;
  if (!tag?.dataset.key || window.tactful?.isHere) return;
  const DEVICE = "_tactful", SESSION = "_tactful_session";
  const HALF_AN_HOUR = 1_800, FOUR_HUNDRED_DAYS = 34_560_000; // seconds
  const EXIT_DEADLINE = 300, DEADLINE = 5_000, LEFT_ALONE = 30_000, GATHERING = 1_000; // milliseconds
  const OURS = /^(page_view|scroll|click|user_engagement|session_start|first_visit|view_search_results|popup_.*)$/;
  const EDGE = "; position: fixed; right: 1rem; bottom: 1rem; z-index: 2147483647; background: Canvas; color: CanvasText;"
    + " box-shadow: 0 4px 24px #0004";
  const SEARCHES = ["q", "s", "search", "query", "keyword"];
  const profile = {};
  let queue = [], sending, timer, stamp = 0, leftAloneUntil = 0, item = "", decided;
  let hasBegun = false, isGone = false, isScrolled = false, cameAt = Date.now(), scrolledFrom;

  const isSilent = () => tag.dataset.consent === "denied" || navigator.doNotTrack === "1"
    || navigator.globalPrivacyControl === true || !navigator.cookieEnabled;
  const isTouch = () => matchMedia("(hover: none)").matches;
  const quietly = async (act, ...told) => {
    try { return await act(...told); } catch (error) { console.debug("tactful", error); }
  };
  const on = (target, name, act, options) =>
    target.addEventListener(name, event => void quietly(act, event), { passive: true, ...options });

  /* Who, and in which session */
  const read = name => document.cookie.split("; ").find(held => held.startsWith(`${name}=`))?.slice(name.length + 1);
  const write = (name, value, age) => {
    const secure = location.protocol === "https:" ? "; secure" : "";
    document.cookie = `${name}=${value}; path=/; max-age=${age}; samesite=lax${secure}`;
  };
  const drop = name => { if (read(name)) write(name, "", 0); };
  const forget = () => { queue = []; drop(DEVICE); drop(SESSION); };
  const seconds = () => Math.floor(Date.now() / 1000);
  const device = () => {
    const known = tag.dataset.userPseudoId || read("_ga")?.split(".").slice(-2).join(".");
    if (known) { drop(DEVICE); return known; }
    const own = read(DEVICE) ?? `${crypto.getRandomValues(new Uint32Array(1))[0]}.${seconds()}`;
    write(DEVICE, own, FOUR_HUNDRED_DAYS);
    return own;
  };
  /* The session's id and its exit: "" as long as it was not asked about, then "asked", then the decision's id. */
  const session = exit => {
    const [, id, before] = read(SESSION)?.match(/^(\d+)\.([\w-]*)$/) ?? [null, String(seconds()), ""];
    write(SESSION, `${id}.${exit ?? before}`, HALF_AN_HOUR);
    return { id, exit: exit ?? before };
  };
  const live = () => `v1/sessions/${encodeURIComponent(`${device()}.${session().id}`)}`;

  /* The service's answer; null where it gives none that can be understood */
  const ask = async (path, body, signal = AbortSignal.timeout(DEADLINE)) => {
    if (isSilent()) return null;
    let status = 0, answer = null;
    try {
      const service = new URL((tag.dataset.service ?? ".").replace(/\/*$/, "/"), tag.src);
      const headers = { authorization: `Bearer ${tag.dataset.key}`, "content-type": "application/json" };
      const how = { method: body ? "POST" : "GET", body: body && JSON.stringify(body), credentials: "omit", headers };
      const response = await fetch(new URL(path, service), { ...how, keepalive: true, signal });
      status = response.status;
      if (response.ok) answer = await response.json();
    } catch { /* away, late, or no JSON */ }
    if (!answer) leftAloneUntil = Date.now() + LEFT_ALONE;
    document.dispatchEvent(new CustomEvent("tactful", { detail: { path, body, status, answer } }));
    return answer;
  };
  const reward = (decision, kind) =>
    void (decision && quietly(ask, `v1/decisions/${encodeURIComponent(decision)}/reward`, { kind }));

  /* What the visitor does, by GA4's names, gathered for a second */
  const put = name => queue.push({ event_name: name, event_timestamp: stamp = Math.max(stamp + 1, Date.now() * 1000) });
  const add = (name, told) => {
    if (isSilent()) return forget();
    if (!/^[A-Za-z]\w{0,39}$/.test(name)) return;
    item = (told?.items ?? told?.ecommerce?.items)?.[0]?.item_name ?? item;
    if (!read(SESSION)) {
      if (seconds() - Number(device().split(".")[1]) < 60) put("first_visit");
      put("session_start");
    }
    put(name);
    const { exit } = session();
    if (name === tag.dataset.conversion && exit !== "asked") reward(exit, "converted");
    timer ??= setTimeout(flush, GATHERING);
  };
  const flush = () => {
    timer = clearTimeout(timer); // undefined
    const events = queue.splice(0).slice(-200);
    if (events.length && Date.now() >= leftAloneUntil) sending = quietly(send, events);
    return sending;
  };
  const send = async events =>
    take((await ask(`${live()}/events`, { user_pseudo_id: device(), profile, events }))?.decision);
  /* What a page pushes for Google's tag: gtag's arguments, or Tag Manager's objects */
  const hearConsent = pushed => {
    if (pushed?.[0] === "consent" && pushed[2]?.analytics_storage) tag.dataset.consent = pushed[2].analytics_storage;
  };
  const hear = pushed => {
    const [name, told] = pushed?.[0] === "event" ? [pushed[1], pushed[2]] : [pushed?.event, pushed];
    if (typeof name === "string" && !OURS.test(name)) add(name, told);
  };

  /* The exit */
  const leave = async () => {
    if (isSilent() || Date.now() < leftAloneUntil || !read(SESSION) || session().exit) return;
    session("asked");
    const signal = AbortSignal.timeout(EXIT_DEADLINE);
    await Promise.race([flush(), new Promise(late => signal.addEventListener("abort", late))]);
    take(await ask(`${live()}/decision`, undefined, signal));
  };
  const take = decision => {
    if (typeof decision?.decision_id !== "string" || decision.decision_id === decided) return;
    decided = decision.decision_id;
    session(decided);
    if (decision.action === "show") void quietly(show, decision);
  };

  /* What is shown, by channel: a modal pop-up, a box at the edge that takes no focus, what fills the page's place for it */
  const PLACES = {
    pop_up: () => document.body,
    notification: () => document.body,
    embed: () => document.querySelector("[data-tactful-embed]"),
  };
  const made = (name, ...content) => {
    const element = document.createElement(name);
    element.append(...content);
    return element;
  };
  const plain = (channel, text) => {
    const content = document.createDocumentFragment();
    if (channel === "pop_up") content.append(made("h2", "Before you go"));
    content.append(made("p", text));
    return content;
  };
  const show = async decision => {
    const channel = decision.channel ?? "pop_up", place = PLACES[channel]?.();
    if (!place) return;
    const isPopUp = channel === "pop_up", isEmbed = channel === "embed";
    const templates = [...document.querySelectorAll("template[data-tactful]")];
    const template = templates.find(({ dataset }) => dataset.tactful && dataset.tactful === decision.campaign)
      ?? templates.find(({ dataset }) => !dataset.tactful);
    const content = template?.content.cloneNode(true)
      ?? plain(channel, item ? `Still thinking about ${item}?` : "Did you find what you came for?");
    if (item) for (const named of content.querySelectorAll("[data-tactful-item]")) named.textContent = item;
    const close = made("button", "Close");
    close.dataset.tactfulClose = "";
    if (!isEmbed && !content.querySelector("[data-tactful-close]")) content.append(close);
    const box = made(isPopUp ? "dialog" : "div");
    box.className = isPopUp ? "tactful" : `tactful tactful-${channel}`;
    if (!template && !isEmbed) box.style.cssText = "max-width: 24rem; padding: 1.5rem; border: 0; border-radius: 12px";
    const told = new Set();
    const became = (kind, event) => {
      if (told.has(kind)) return;
      told.add(kind);
      const { decision_id, model, action_probability: propensity } = decision;
      reward(decision_id, kind);
      const stated = { decision_id, policy: model?.name, propensity };
      if (event && decision_id && typeof gtag === "function") gtag("event", event, stated);
    };
    const ended = () => {
      box.remove();
      if (!told.has("clicked") && !told.has("converted")) became("closed", "popup_close");
    };
    const end = () => (isPopUp ? box.close() : ended());
    on(box, "submit", ({ target }) => {
      became("converted", "popup_submit");
      if (!isPopUp && target.method === "dialog") setTimeout(end); // the form has to be there until it is submitted
    });
    on(box, "click", ({ target }) => {
      const control = target.closest("a, button");
      const isClose = control?.closest("[data-tactful-close]");
      if (control && !control.form && !isClose) became("clicked");
      if (isClose || (control?.localName === "button" && !control.form && !isEmbed)) end();
    });
    on(box, "close", ended);
    if (isEmbed) place.replaceChildren(box);
    else place.append(box);
    if (channel === "notification") {
      box.role = "status";
      if (getComputedStyle(box).position === "static") box.style.cssText += EDGE;
      // a screen reader tells what changes in a box that it has met
      await new Promise(met => setTimeout(met, 100));
    }
    box.append(content);
    if (isPopUp) {
      box.role = "dialog";
      const heading = box.querySelector("h1, h2, h3");
      if (heading) box.setAttribute("aria-labelledby", heading.id ||= "tactful-heading");
      box.showModal(); // keeps the focus inside, closes at Escape, gives the focus back
    }
    became("shown", "popup_view");
  };

  /* What the browser tells */
  const begin = () => {
    if (isSilent()) return forget();
    if (hasBegun || document.prerendering) return;
    hasBegun = true;
    add("page_view");
    if (SEARCHES.some(key => new URLSearchParams(location.search).get(key))) add("view_search_results");
  };
  on(document, "scroll", () => {
    const { scrollHeight } = document.documentElement, now = Date.now();
    if (!isScrolled && scrollY + innerHeight >= 0.9 * scrollHeight) { isScrolled = true; add("scroll"); }
    if (!(scrollY <= scrolledFrom?.y && now - scrolledFrom.at < 300)) scrolledFrom = { y: scrollY, at: now };
    return isTouch() && scrolledFrom.y - scrollY > innerHeight / 2 && leave();
  });
  on(document, "click", ({ target }) => {
    const link = target.closest?.("a[href^=http]");
    if (link && link.hostname !== location.hostname) add("click");
  }, { capture: true });
  on(document.documentElement, "mouseleave", ({ clientY }) => clientY <= 0 && leave());
  on(document, "visibilitychange", () => {
    if (!document.hidden) return (cameAt = Date.now());
    if (hasBegun && Date.now() - cameAt >= 1_000) add("user_engagement");
    flush();
    return isTouch() && !isGone && leave(); // a page that is gone was left for another, often of the same shop
  });
  on(window, "pagehide", () => { isGone = true; });
  on(window, "pageshow", ({ persisted }) => { isGone = false; if (persisted) add("page_view"); });
  on(document, "prerenderingchange", begin);

  const commands = { event: add, profile: told => Object.assign(profile, told), exit: leave, preview: told => show({ ...told }) };
  const { queue: waiting = [] } = window.tactful ?? {};
  window.tactful = (command, ...told) => void quietly(() => commands[command]?.(...told));
  window.tactful.isHere = true;
  new MutationObserver(() => void quietly(begin)).observe(tag, { attributeFilter: ["data-consent"] });
  const layer = Array.isArray(window.dataLayer) ? window.dataLayer : [];
  for (const pushed of layer) quietly(hearConsent, pushed);
  quietly(begin);
  for (const told of waiting) window.tactful(...told);
  for (const pushed of layer) quietly(hear, pushed);
  const push = layer.push;
  layer.push = (...pushed) => {
    for (const each of pushed) quietly(() => { hearConsent(each); hear(each); });
    return push.apply(layer, pushed);
  };
})();
