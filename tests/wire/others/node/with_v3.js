"use strict";
// The venue's client for Node.js before its rewrite, unmodified: most bots still run on it.

const Alpaca = require("alpaca-trade-api-3");
const { Seen, until } = require("./seen.js");

const [url, keyId, secretKey] = process.argv.slice(2);
const [BTC, ETH] = ["BTC/USD", "ETH/USD"];
const seen = new Seen();
const api = new Alpaca({ baseUrl: url, keyId, secretKey });
const updates = [];

async function listen() {
  const stream = api.trade_ws;
  await new Promise((connected, failed) => {
    stream.onConnect(connected);
    stream.onError((error) => failed(new Error(error)));
    stream.onOrderUpdate((update) => updates.push(update));
    stream.connect();
  });
  stream.subscribe(["trade_updates"]);
}

const withStatus = (order, status) =>
  until(async () => {
    const found = await api.getOrder(order.id);
    return found.status === status && found;
  });

const market = (more) =>
  api.createOrder({ symbol: BTC, side: "buy", type: "market", time_in_force: "gtc", ...more });

const limit = (price, more) =>
  market({ symbol: ETH, type: "limit", qty: 0.02, limit_price: price, ...more });

async function look() {
  await seen.step("account", () => api.getAccount());
  await seen.step("configurations", () => api.getAccountConfigurations());
  await seen.step("clock", () => api.getClock());
  await seen.step("calendar", () => api.getCalendar({ start: "2026-11-25", end: "2026-11-30" }));
  await seen.step("assets", () => api.getAssets({ status: "active", asset_class: "crypto" }));
  await seen.step("asset BTC/USD", () => api.getAsset(BTC));
  await seen.step("no positions", () => api.getPositions());
  await seen.step("no orders", () => api.getOrders());
  await seen.step("history", () => api.getPortfolioHistory({ period: "1D", timeframe: "1Min" }));
}

async function trade() {
  const order = await seen.step("buy", () => market({ qty: 0.01 }));
  await seen.step("bought", () => withStatus(order, "filled"));
  await seen.step("position", () => api.getPosition("BTCUSD"));
  await seen.step("fills", () => api.getAccountActivities({ activityTypes: ["FILL"] }));
  await seen.step("close", () => api.closePosition("BTCUSD"));
  await until(async () => (await api.getPositions()).length === 0);
  const money = await seen.step("buy for money", () => market({ symbol: ETH, notional: 50 }));
  await seen.step("bought for money", () => withStatus(money, "filled"));
  await seen.step("sell all", () => api.closeAllPositions());
  await seen.step("nothing left", () => until(async () => !(await api.getPositions()).length));
}

async function rest() {
  const order = await seen.step("limit", () => limit(900, { client_order_id: "node-3-1" }));
  await seen.step("by client id", () => api.getOrderByClientId("node-3-1"));
  await seen.step("orders", () =>
    api.getOrders({
      status: "open",
      limit: 10,
      after: new Date(Date.now() - 60_000).toISOString(),
      direction: "desc",
      nested: true,
      symbols: "ETHUSD,BTCUSD",
    }),
  );
  const changed = await seen.step("replace", () =>
    api.replaceOrder(order.id, { limit_price: "910" }),
  );
  await seen.step("replaced", () => withStatus(order, "replaced"));
  await seen.step("cancel", () => api.cancelOrder(changed.id));
  await seen.step("cancelled", () => withStatus(changed, "canceled"));
  await limit(800);
  await limit(801);
  await seen.step("cancel all", () => api.cancelAllOrders());
  await seen.step("none open", () => until(async () => !(await api.getOrders()).length));
}

async function beRefused() {
  await seen.step("too much", () => market({ qty: 50 }));
  await seen.step("not held", () => market({ qty: 1, side: "sell" }));
  await seen.step("unknown order", () => api.getOrder("00000000-0000-0000-0000-000000000000"));
  await seen.step("unknown asset", () => api.getAsset("NOSUCH"));
  await seen.step("loosen", () => api.updateAccountConfigurations({ no_shorting: false }));
  const stranger = new Alpaca({ baseUrl: url, keyId, secretKey: "wrong" });
  await seen.step("wrong keys", () => stranger.getAccount());
}

async function keepWatchlists() {
  const made = await seen.step("watchlist", () => api.addWatchlist("mine", ["SPY", BTC]));
  await seen.step("add", () => api.addToWatchlist(made.id, ETH));
  await seen.step("remove", () => api.deleteFromWatchlist(made.id, "SPY"));
  await seen.step("rename", () => api.updateWatchlist(made.id, { name: "other" }));
  await seen.step("delete", () => api.deleteWatchlist(made.id));
  await seen.step("watchlists", () => api.getWatchlists());
}

seen.all(async () => {
  await seen.step("listen", listen);
  await look();
  await trade();
  await rest();
  await beRefused();
  await keepWatchlists();
  await seen.step("updates", () => updates);
});
