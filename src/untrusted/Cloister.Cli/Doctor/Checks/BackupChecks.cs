using System.Text.Json.Nodes;
using Cloister.AdminApi;
using Cloister.Audit;

namespace Cloister.Cli.Doctor.Checks;

/// <summary>What is there for the day when the broker is lost: recovery shares, and proof that they work.</summary>
internal static class BackupChecks
{
    private const string Document = "docs/operations.md";

    private static readonly TimeSpan OldDrill = TimeSpan.FromDays(183);

    internal static IReadOnlyList<Check> All { get; } =
    [
        new("backup-shares", DoctorPhase.Cluster, "every version of every KEK has recovery shares", Document, SharesAsync),
        new("backup-drill", DoctorPhase.Cluster, "shares were tried within half a year", Document, DrillAsync),
    ];

    private static async Task<IEnumerable<Finding>> SharesAsync(DoctorScope scope, CancellationToken cancellation)
    {
        BrokerFacts broker = await scope.BrokerAsync();
        return broker.Keks.Where(kek => kek.Release).SelectMany(kek => kek.Versions.Where(version => version.State != "destroyed").Select(version =>
        {
            AuditEntry? export = broker.Recovery.LastOrDefault(entry => entry.Kind == "kek.export" && Is(entry, kek, version));
            return Finding.WarnUnless(
                export is not null, $"{kek.Name} {version.Version}", export is not null ? $"made {At(export):yyyy-MM-dd}" : "no shares: it is lost with the broker's root key",
                "make shares after every rotation", $"cloister kek export --name {kek.Name} --version {version.Version} --threshold 2 --keeper A --keeper B --directory DIR --context FILE");
        }));
    }

    private static async Task<IEnumerable<Finding>> DrillAsync(DoctorScope scope, CancellationToken cancellation)
    {
        BrokerFacts broker = await scope.BrokerAsync();
        return broker.Keks.Where(kek => kek.Release).Select(kek =>
        {
            AuditEntry? drill = broker.Recovery.LastOrDefault(entry => entry.Kind == "kek.drill" && Worked(entry, kek));
            return Finding.WarnUnless(
                drill is not null && scope.Now - At(drill) < OldDrill, kek.Name, drill is null ? "never" : $"the last one that worked was {At(drill):yyyy-MM-dd}",
                "twice a year: as many keepers as the threshold bring their shares", "cloister kek drill --share A --share B --context FILE");
        });
    }

    private static DateTimeOffset At(AuditEntry entry) => DateTimeOffset.FromUnixTimeMilliseconds(entry.Time);

    private static bool Is(AuditEntry entry, KekSummary kek, KekVersionSummary version) =>
        Details(entry) is { } details && (string?)details["kek"] == kek.Name && (int?)details["version"] == version.Version && Done(details);

    private static bool Worked(AuditEntry entry, KekSummary kek) => Details(entry) is { } details && (string?)details["kek"] == kek.Name && (bool?)details["matches"] == true && Done(details);

    private static bool Done(JsonObject details) => (string?)details["result"] == "done";

    private static JsonObject? Details(AuditEntry entry) => JsonNode.Parse(entry.Details) as JsonObject;
}
