"use strict";
// The venue's client for Node.js, unmodified. It has no setting for its address: a middleware of its
// own kind turns each request to the gateway, and the stream takes an address.

const { Alpaca } = require("@alpacahq/alpaca-trade-api");
const { Seen, until } = require("./seen.js");

const [url, keyId, secret] = process.argv.slice(2);
const [BTC, ETH] = ["BTC/USD", "ETH/USD"];
const seen = new Seen();

const toGateway = {
  pre: async ({ url: meant, init }) => ({
    url: url + meant.slice(new URL(meant).origin.length),
    init,
  }),
};
const pointed = (keys) => new Alpaca({ ...keys, middleware: [toGateway], rateLimit: false });
const api = pointed({ keyId, secret }).trading;
const orders = api.orders;
const stream = api.stream({ url: `${url.replace("http", "ws")}/stream` });
const updates = [];

async function listen() {
  stream.onTradeUpdate((update) => updates.push(update));
  stream.subscribeTradeUpdates();
  stream.connect();
  const result = await stream.waitForAuthenticationResult(5_000);
  return result.authenticated;
}

const withStatus = (order, status) =>
  until(async () => {
    const found = await orders.getOrderByOrderID({ orderId: order.id });
    return found.status === status && found;
  });

const positions = () => api.positions.getAllOpenPositions();
const gone = () => until(async () => !(await positions()).length);
const gtc = { timeInForce: "gtc" };
const limit = (limitPrice, more) =>
  orders.limit({ symbol: ETH, qty: 0.02, side: "buy", limitPrice, ...gtc, ...more });

async function look() {
  await seen.step("connection", async () => (await api.validateConnection()).ok);
  await seen.step("account", () => api.account.getAccount());
  await seen.step("configurations", () => api.accountConfigurations.getAccountConfig());
  await seen.step("clock", () => api.clock.legacyClock());
  await seen.step("calendar", () =>
    api.calendar.legacyCalendar({ start: new Date("2026-11-25"), end: new Date("2026-11-30") }),
  );
  await seen.step("newer clock", () => api.clock.clock());
  await seen.step("clock of one", () =>
    api.clock.clock({ markets: "XNYS", time: new Date("2026-11-25T15:00:00Z") }),
  );
  await seen.step("newer calendar", () =>
    api.calendar.calendar({
      market: "NYSE",
      start: new Date("2026-11-25"),
      end: new Date("2026-11-30"),
      timezone: "UTC",
    }),
  );
  await seen.step("assets", () => api.assets.getV2Assets({ assetClass: "crypto" }));
  await seen.step("asset BTC/USD", () =>
    api.assets.getV2AssetsSymbolOrAssetId({ symbolOrAssetId: BTC }),
  );
  await seen.step("no positions", positions);
  await seen.step("no orders", () => orders.getAllOrders());
  await seen.step("history", () =>
    api.portfolioHistory.getAccountPortfolioHistory({ period: "1D", timeframe: "1Min" }),
  );
}

async function trade() {
  const order = await seen.step("buy", () =>
    orders.market({ symbol: BTC, qty: 0.01, side: "buy", ...gtc }),
  );
  await seen.step("bought", () => withStatus(order, "filled"));
  await seen.step("position", () =>
    api.positions.getOpenPosition({ symbolOrAssetId: "BTCUSD" }),
  );
  await seen.step("fills", () => api.collectActivitiesByType({ activityType: "FILL" }));
  await seen.step("fills and fees", () =>
    api.accountActivities.getAccountActivities({ activityTypes: ["FILL", "CFEE"] }),
  );
  await seen.step("close", () =>
    api.positions.deleteOpenPosition({ symbolOrAssetId: "BTCUSD", percentage: 100 }),
  );
  await gone();
  await seen.step("buy and wait", () =>
    api.submitAndWait(
      { symbol: ETH, notional: 50, side: "buy", type: "market", ...gtc },
      { stream, timeoutMs: 10_000 },
    ),
  );
  await seen.step("activities", () => api.collectActivities({ pageSize: 1 }));
  await seen.step("sell all", () => api.closeAllPositions({ cancelOrders: true }));
  await seen.step("nothing left", gone);
}

async function rest() {
  const order = await seen.step("limit", () => limit(900, { clientOrderId: "node-4-1" }));
  await seen.step("by client id", () =>
    orders.getOrderByClientOrderId({ clientOrderId: "node-4-1" }),
  );
  await seen.step("orders", () =>
    orders.getAllOrders({
      status: "open",
      limit: 10,
      after: new Date(Date.now() - 60_000).toISOString(),
      nested: true,
      symbols: [ETH, BTC],
      side: "buy",
      assetClass: ["crypto", "us_equity"],
    }),
  );
  const changed = await seen.step("replace", () =>
    orders.patchOrderByOrderId({ orderId: order.id, patchOrderRequest: { limitPrice: "910" } }),
  );
  await seen.step("replaced", () => withStatus(order, "replaced"));
  await seen.step("cancel", () => orders.deleteOrderByOrderID({ orderId: changed.id }));
  await seen.step("cancelled", () => withStatus(changed, "canceled"));
  await limit(800);
  await limit(801);
  await seen.step("cancel all", () => orders.deleteAllOrders());
  await seen.step("none open", () => until(async () => !(await orders.getAllOrders()).length));
  const stop = await seen.step("stop limit", () =>
    orders.stopLimit({
      symbol: ETH,
      qty: 0.02,
      side: "buy",
      stopPrice: 9000,
      limitPrice: 9010,
      ...gtc,
    }),
  );
  await orders.deleteOrderByOrderID({ orderId: stop.id });
}

async function beRefused() {
  const buy = (more) => orders.market({ symbol: BTC, side: "buy", ...gtc, ...more });
  await seen.step("too much", () => buy({ qty: 50 }));
  await seen.step("not held", () => buy({ qty: 1, side: "sell" }));
  await seen.step("trailing", () =>
    orders.trailingStop({ symbol: BTC, qty: 1, side: "sell", trailPercent: 5, ...gtc }),
  );
  await seen.step("unknown order", () =>
    orders.getOrderByOrderID({ orderId: "00000000-0000-0000-0000-000000000000" }),
  );
  await seen.step("unknown asset", () =>
    api.assets.getV2AssetsSymbolOrAssetId({ symbolOrAssetId: "NOSUCH" }),
  );
  await seen.step("loosen", () =>
    api.accountConfigurations.patchAccountConfig({ accountConfigurations: { noShorting: false } }),
  );
  await seen.step("wallet", () =>
    api.cryptoFunding.createCryptoTransferForAccount({
      createCryptoTransferRequest: { amount: "1", address: "nowhere", asset: "BTC" },
    }),
  );
  await seen.step("unknown market", () => api.clock.clock({ markets: "XLON" }));
  await seen.step("wrong keys", () => pointed({ keyId, secret: "wrong" }).trading.account.getAccount());
}

async function keepWatchlists() {
  const lists = api.watchlists;
  const made = await seen.step("watchlist", () =>
    lists.postWatchlist({ createWatchlistRequest: { name: "mine", symbols: ["SPY", BTC] } }),
  );
  const watchlistId = made?.id;
  await seen.step("add", () =>
    lists.addAssetToWatchlist({ watchlistId, addAssetToWatchlistRequest: { symbol: ETH } }),
  );
  await seen.step("remove", () => lists.removeAssetFromWatchlist({ watchlistId, symbol: BTC }));
  await seen.step("rename", () =>
    lists.updateWatchlistByName({ name: "mine", updateWatchlistRequest: { name: "other" } }),
  );
  await seen.step("by name", () => lists.getWatchlistByName({ name: "other" }));
  await seen.step("delete", () => lists.deleteWatchlistByName({ name: "other" }));
  await seen.step("watchlists", () => lists.getWatchlists());
}

seen.all(async () => {
  await seen.step("listen", listen);
  await look();
  await trade();
  await rest();
  await beRefused();
  await keepWatchlists();
  await seen.step("updates", () => updates);
  stream.disconnect();
});
