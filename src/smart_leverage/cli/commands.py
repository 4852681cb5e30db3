"""The list of commands in three groups: names and where each is written, nothing loaded."""

from typing import NamedTuple

OPERATE = "Operate"
RESEARCH = "Research"
KEEP = "Keep"


class Entry(NamedTuple):
    """A command: `target` is "module:function" below this package, or empty for a group."""

    name: str
    group: str
    target: str = ""
    help: str = ""
    parts: tuple["Entry", ...] = ()
    examples: tuple[str, ...] = ()


COMMANDS: tuple[Entry, ...] = (
    Entry("run", OPERATE, "run:run"),
    Entry("demo", OPERATE, "demo:demo"),
    Entry("status", OPERATE, "status:status"),
    Entry("top", OPERATE, "top:top"),
    Entry("watch", OPERATE, "watch:watch"),
    Entry("halt", OPERATE, "control:halt"),
    Entry("reduce", OPERATE, "control:reduce"),
    Entry("resume", OPERATE, "control:resume"),
    Entry("flatten", OPERATE, "control:flatten"),
    Entry("rebalance", OPERATE, "control:rebalance"),
    Entry("keep", OPERATE, "keep:keep"),
    Entry("go-live", OPERATE, "golive:go_live"),
    Entry("rescue", OPERATE, "rescue:rescue"),
    Entry("drill", OPERATE, "drill:drill"),
    Entry("orders", OPERATE, "orders:orders"),
    Entry("explain", OPERATE, "explain:explain"),
    Entry("tier", OPERATE, "tier:tier"),
    Entry(
        "limits",
        OPERATE,
        help="Show the limits, change them, ask what they would say, or try a rule.",
        parts=(
            Entry("show", "", "limits:show"),
            Entry("set", "", "limits_set:set_limits"),
            Entry("check", "", "limits:check"),
            Entry("eval", "", "evaluate:evaluate"),
        ),
        examples=(
            "smart-leverage limits check buy BTC/USD 4000",
            "smart-leverage limits eval --example > case.json",
        ),
    ),
    Entry(
        "bots",
        OPERATE,
        help="Give bots their keys to the gateway, list them, take them away.",
        parts=(
            Entry("add", "", "bots:add"),
            Entry("list", "", "bots:show"),
            Entry("revoke", "", "bots:revoke"),
        ),
        examples=(
            'smart-leverage bots add grid --reason "trial"',
            "smart-leverage bots list",
        ),
    ),
    Entry(
        "desk",
        OPERATE,
        help="Let people in to the desk, see who is there, and send them away.",
        parts=(
            Entry("link", "", "desk:link"),
            Entry("password", "", "desk:password"),
            Entry("sessions", "", "desk:sessions"),
            Entry("visits", "", "desk:visits"),
            Entry("end", "", "desk:end"),
        ),
        examples=("smart-leverage desk link", "smart-leverage desk sessions"),
    ),
    Entry(
        "enforcement",
        OPERATE,
        help="Show how much of the rule is carried out, and go up or down its ladder.",
        parts=(
            Entry("show", "", "enforcement:show"),
            Entry("set", "", "enforcement:set_step"),
        ),
        examples=(
            "smart-leverage enforcement show --days 30",
            'smart-leverage enforcement set entries --reason "a quiet week"',
        ),
    ),
    Entry(
        "plan",
        OPERATE,
        help="Show what would be sold to be inside every cap, and consent to it.",
        parts=(
            Entry("show", "", "plan:show"),
            Entry("consent", "", "plan:consent"),
        ),
        examples=(
            "smart-leverage plan show",
            'smart-leverage plan consent --reason "agreed"',
        ),
    ),
    Entry("backtest", RESEARCH, "backtest:backtest"),
    Entry("sweep", RESEARCH, "sweep:sweep"),
    Entry("walk-forward", RESEARCH, "walk_forward:walk_forward"),
    Entry("compare", RESEARCH, "compare:compare"),
    Entry("verify", RESEARCH, "verify:verify"),
    Entry("monitor", RESEARCH, "monitor:monitor"),
    Entry("target", RESEARCH, "target:target"),
    Entry("feasibility", RESEARCH, "feasibility:feasibility"),
    Entry("counterfactual", RESEARCH, "counterfactual:counterfactual"),
    Entry("audit", RESEARCH, "audit:audit"),
    Entry("refit", RESEARCH, "refit:refit"),
    Entry("review", RESEARCH, "review:review"),
    Entry("report", RESEARCH, "report:report"),
    Entry(
        "data",
        RESEARCH,
        help="Fetch bars from Alpaca or an exchange, keep them, and check what is kept.",
        parts=(
            Entry("list", "", "prices:show"),
            Entry("get", "", "prices:get"),
            Entry("check", "", "prices:check"),
            Entry("repair", "", "prices:repair"),
        ),
        examples=(
            "smart-leverage data get alpaca BTC/USD 1h --since 2022-01-01",
            "smart-leverage data check",
        ),
    ),
    Entry("statement", KEEP, "statement:statement"),
    Entry("tax-lots", KEEP, "tax_lots:tax_lots"),
    Entry("export", KEEP, "export:export"),
    Entry("init", KEEP, "init:init"),
    Entry(
        "config",
        KEEP,
        help="Check the configuration, show it, or print its schema.",
        parts=(
            Entry("check", "", "config:check"),
            Entry("show", "", "config:show"),
            Entry("schema", "", "config:schema"),
        ),
        examples=("smart-leverage config check", "smart-leverage config show --origin"),
    ),
    Entry(
        "ledger",
        KEEP,
        help="Prove that a ledger is whole, copy or move it, go on from a copy, import a past.",
        parts=(
            Entry("verify", "", "ledger:verify"),
            Entry("backup", "", "ledger:backup"),
            Entry("restore", "", "ledger:restore"),
            Entry("migrate", "", "ledger:migrate"),
            Entry("attach", "", "ledger:attach"),
            Entry("import", "", "importing:import_history"),
        ),
        examples=(
            "smart-leverage ledger backup monday.sqlite",
            "smart-leverage ledger restore monday.sqlite --name restored",
        ),
    ),
    Entry(
        "completion",
        KEEP,
        help="Teach a shell to complete commands and options.",
        parts=(Entry("show", "", "completion:show"),),
        examples=("smart-leverage completion show bash", "smart-leverage completion show zsh"),
    ),
    Entry(
        "notify",
        KEEP,
        help="Try the channels through which people are told, or show how they do.",
        parts=(
            Entry("test", "", "notify:try_channels"),
            Entry("status", "", "notify:status"),
        ),
        examples=("smart-leverage notify test --channel mail", "smart-leverage notify status"),
    ),
    Entry("doctor", KEEP, "doctor:doctor"),
    Entry("version", KEEP, "version:version"),
)
