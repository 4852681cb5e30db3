/* What a plain loop costs: one account over bars, in doubles, with the work that most instants have.
 *
 * Value the account, meet stops, judge day and month, size a purchase a day and asset, fill at the
 * next open with costs. No tiers from a record, no plans, no proof, no decimals, no metrics: less
 * than the kernel does, so that the comparison flatters the loop.
 */
#include <math.h>
#include <stddef.h>

typedef struct { double qty, entry, stop, want, limit; int sells; } Position;

double loop(size_t instants, size_t assets, size_t per_day, double cash, const double *open,
            const double *low, const double *close, const double *ratio, long *fills) {
  Position own[64] = {{0}};
  double day = cash, month = cash;
  int tripped = 0, halted = 0;
  for (size_t t = 0; t < instants; t++) {
    const double *o = open + t * assets, *l = low + t * assets, *c = close + t * assets;
    if (t % per_day == 0) {
      double equity = cash;
      for (size_t a = 0; a < assets; a++) equity += own[a].qty * c[a];
      day = equity, tripped = 0;
      if (t % (30 * per_day) == 0) month = equity, halted = 0;
    }
    double equity = cash, gross = 0;
    for (size_t a = 0; a < assets; a++) {
      Position *p = own + a;
      if (p->qty > 0 && l[a] <= p->stop) {
        double price = fmin(p->stop, c[a]) * (1 - 0.001);
        cash += p->qty * price * (1 - 0.0025), equity = cash + gross;
        p->qty = 0, ++*fills;
      }
      double worth = p->qty * c[a];
      gross += worth, equity += worth;
      if (worth > 0.105 * equity) p->sells = 1;
    }
    if (equity < 0.97 * day) tripped = 1;
    if (equity < 0.92 * month) halted = 1;
    if (halted || gross > 0.42 * equity) for (size_t a = 0; a < assets; a++) own[a].sells = 1;
    if (t % per_day == per_day - 1)
      for (size_t a = 0; a < assets; a++) {
        Position *p = own + a;
        double factor = fmax(0.5, fmin(1.5, 1 / ratio[t * assets + a]));
        double size = equity * 0.40 * fmin(0.05 * factor, 0.10);
        double missing = size - p->qty * c[a];
        double room = fmin(0.40 * equity - gross, 0.10 * equity - p->qty * c[a]);
        p->limit = c[a] * 1.005;
        p->want = 0;
        if (!tripped && !halted && missing > 0.25 * size)
          p->want = floor(fmin(missing, room) / p->limit * 1e6) * 1e-6;
      }
    for (size_t a = 0; a < assets; a++) {
      Position *p = own + a;
      if (p->sells && p->qty > 0)
        cash += p->qty * o[a] * 0.999 * (1 - 0.0025), p->qty = 0, ++*fills;
      p->sells = 0;
      if (p->want > 0 && o[a] * 1.001 <= p->limit) {
        cash -= p->want * o[a] * 1.001, p->qty += p->want * 0.9975, ++*fills;
        p->stop = o[a] * 0.9;
      }
      p->want = 0;
    }
  }
  for (size_t a = 0; a < assets; a++) cash += own[a].qty * close[(instants - 1) * assets + a];
  return cash;
}
