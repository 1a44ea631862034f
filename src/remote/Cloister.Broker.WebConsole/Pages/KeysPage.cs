using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cloister.AdminApi;
using Cloister.Audit;
using Cloister.Broker.Administration;
using Cloister.Broker.Administration.Acts;
using Cloister.Broker.Administration.Endpoints;
using Cloister.Broker.State.Leases;

namespace Cloister.Broker.WebConsole.Pages;

/// <summary>The page of all KEKs.</summary>
public sealed record KeysModel(IReadOnlyList<KekSummary> Keks, IReadOnlyDictionary<string, long> Leases, long Total, long Skip, int Size);

/// <summary>An export or a drill.</summary>
public sealed record RecoveryAct(DateTimeOffset At, string Kind, string By, string Version, string Result);

/// <summary>The page of one KEK.</summary>
/// <param name="Kek">The KEK.</param>
/// <param name="InUse">Leases that hold, by cluster, TEE and measurement.</param>
/// <param name="Policies">Names of policies.</param>
/// <param name="Recovery">Exports and drills, the newest first; null: that takes the role auditor.</param>
/// <param name="IsRevoked">Whether it is revoked.</param>
public sealed record KekModel(KekSummary Kek, IReadOnlyList<LeaseCount> InUse, IReadOnlyList<string> Policies, IReadOnlyList<RecoveryAct>? Recovery, bool IsRevoked)
{
    /// <summary>The form's address of an act on it.</summary>
    internal string Action(string act) => $"/console/keys/{Text.Part(Kek.Name)}/{act}";

    /// <summary>The same of a version.</summary>
    internal string Action(KekVersionSummary version, string act) => string.Create(CultureInfo.InvariantCulture, $"/console/keys/{Text.Part(Kek.Name)}/versions/{version.Version}/{act}");

    /// <summary>What would not work any more without a version.</summary>
    internal string Breaks(KekVersionSummary version)
    {
        string enclaves = $"{Text.Number(InUse.Sum(one => one.Count))} enclaves that hold it forget it";
        return version.Active
            ? $"{enclaves}; writes of {Text.Plain(Kek.Cluster)} stop until it is enabled again or there is a later version; what was written with it cannot be read."
            : $"{enclaves}; what was written with it cannot be read.";
    }
}

/// <summary>KEKs, and what is done to them.</summary>
internal sealed class KeysPage(AdministrationServices services)
{
    private const int PageSize = 50;
    private const int MostRecoveryActs = 500;
    private const string Version = "/keys/{name}/versions/{version:int:min(1)}";

    private readonly KekActs _acts = new(services);
    private readonly EnclaveActs _enclaves = new(services);

    internal void Map(ConsoleRoutes routes)
    {
        routes.Page<Keys>("/keys", LoadAsync);
        routes.Page<KekOne>("/keys/{name}", LoadOneAsync);
        routes.Act("/keys/{name}/rotate", async call =>
        {
            DateTimeOffset? at = Minutes(call) is > 0 and int minutes ? services.Time.GetUtcNow().AddMinutes(minutes) : null;
            await _acts.RotateAsync(call.By, call.Route("name"), new RotateKekRequest(at));
            return To(call, "rotated");
        });
        routes.Act("/keys/{name}/policy", async call => To(call, await _acts.SetPolicyAsync(call.By, call.Route("name"), new SetKekPolicyRequest(call.Field("policy"))), "policy"));
        routes.Act(Version + "/enable", async call => To(call, await _acts.EnableAsync(call.By, call.Route("name"), call.Version, null), "enabled"));
        routes.Act(Version + "/disable", async call =>
        {
            RequireWaived(call);
            await _acts.DisableAsync(call.By, call.Route("name"), call.Version, KekScanRecord.WithoutScan);
            return To(call, "disabled");
        });
        routes.Act(Version + "/destroy", async call =>
        {
            RequireWaived(call);
            if (!int.TryParse(call.Field("days"), NumberStyles.None, CultureInfo.InvariantCulture, out int days) || days > 366)
            {
                throw new AdministrationException("the days are a number, 1 to 366", AdministrationFailure.BadRequest);
            }

            DestroyKekRequest request = new(days * 24L * 3600, call.Field("confirm"), Scan: KekScanRecord.WithoutScan);
            return To(call, await _acts.DestroyAsync(call.By, call.Route("name"), call.Version, request), "destroy");
        });
        routes.Act(Version + "/cancel-destroy", async call => To(call, await _acts.CancelDestroyAsync(call.By, call.Route("name"), call.Version, null), "cancelled"));
    }

    private async Task<object> LoadAsync(ConsoleCall call)
    {
        IReadOnlyList<KekSummary> keks = await _acts.ListAsync(call.Filter("cluster"), call.Aborted);
        IReadOnlyList<LeaseCount> counts = await services.State.CountLeasesAsync(services.Time.GetUtcNow(), call.Aborted);
        long skip = Math.Min(call.Number("skip") ?? 0, keks.Count);
        return new KeysModel([.. keks.Skip((int)skip).Take(PageSize)], counts.GroupBy(one => one.Kek).ToDictionary(one => one.Key, one => one.Sum(same => same.Count)), keks.Count, skip, PageSize);
    }

    private async Task<object> LoadOneAsync(ConsoleCall call)
    {
        KekSummary kek = await _acts.FindAsync(call.Route("name"));
        IReadOnlyList<LeaseCount> counts = await services.State.CountLeasesAsync(services.Time.GetUtcNow(), call.Aborted);
        IReadOnlyList<RecoveryAct>? recovery = call.By.Roles.HasFlag(AdministratorRole.Auditor)
            ? [.. (await services.State.ListRecoveryActsAsync(MostRecoveryActs, call.Aborted)).Select(entry => Read(entry, kek.Name)).OfType<RecoveryAct>()]
            : null;
        return new KekModel(
            kek, [.. counts.Where(one => one.Kek == kek.Name)], [.. (await services.State.ListPoliciesAsync(call.Aborted)).Select(policy => policy.Name)], recovery,
            (await _enclaves.RevocationsAsync(call.Aborted)).Any(one => one.Kind == "kek" && one.Value == kek.Name));
    }

    private static RecoveryAct? Read(AuditEntry entry, string kek)
    {
        try
        {
            JsonNode? details = JsonNode.Parse(entry.Details);
            bool isDrill = entry.Kind.EndsWith(".drill", StringComparison.Ordinal);
            return details?["kek"]?.GetValue<string>() != kek ? null : new RecoveryAct(
                DateTimeOffset.FromUnixTimeMilliseconds(entry.Time), isDrill ? "drill" : "export", details["by"]?.ToString() ?? "", details["version"]?.ToString() ?? "",
                isDrill && details["result"]?.ToString() == "done" ? (details["matches"]?.ToString() == "true" ? "the shares restore it" : "the shares do NOT restore it") : details["result"]?.ToString() ?? "");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }

    private static int? Minutes(ConsoleCall call) => int.TryParse(call.Field("minutes"), NumberStyles.None, CultureInfo.InvariantCulture, out int minutes) && minutes <= 60 * 24 * 30
        ? minutes
        : throw new AdministrationException("the minutes are a number, 0 to 43200", AdministrationFailure.BadRequest);

    // A broker cannot see etcd: 'cloister kek disable' and 'destroy' scan it first, and this does not.
    private static void RequireWaived(ConsoleCall call)
    {
        if (call.Field("waived") != "yes")
        {
            throw new AdministrationException(
                "this console cannot see etcd: say that no value needs the version, or use the command, which scans etcd first", AdministrationFailure.BadRequest);
        }
    }

    private static string To(ConsoleCall call, string said) => $"/keys/{Text.Part(call.Route("name"))}?said={said}";

    private static string To(ConsoleCall call, Outcome<KekSummary> outcome, string said) =>
        outcome.Waiting is { } waiting ? $"/approvals/{waiting.Id}?said=waits" : To(call, said);
}
