using Cloister.AdminApi;
using Cloister.Broker.Administration.Acts;
using Cloister.Broker.Administration.Endpoints;
using Cloister.Broker.State.Evidence;
using Cloister.Broker.State.Leases;

namespace Cloister.Broker.WebConsole.Pages;

/// <summary>An enclave with what is known of it.</summary>
/// <param name="Lease">Its lease.</param>
/// <param name="Release">What policies call its measurement; null: they do not.</param>
/// <param name="Outlook">What was seen at the last look ahead; null: it was not looked at.</param>
/// <param name="Refusal">The newest evidence of it that was refused; null: none is kept.</param>
public sealed record FleetRow(EnclaveLease Lease, string? Release, EnclaveForecast? Outlook, Refusal? Refusal)
{
    /// <summary>Whether the last thing that the broker said to it was no.</summary>
    internal bool WasRefusedLast => Refusal is { } refusal && refusal.At > Lease.RenewedAt;
}

/// <summary>The page of the fleet.</summary>
public sealed record FleetModel(
    IReadOnlyList<FleetRow> Rows, long Total, LeaseQuery Query, IReadOnlyList<LeaseCount> Counts, DateTimeOffset? LookedAt, bool Ended)
{
    /// <summary>The address of another part of the list.</summary>
    internal string At(long skip) =>
        $"/console/fleet?cluster={Text.Part(Query.Cluster ?? "")}&kek={Text.Part(Query.Kek ?? "")}&begins={Text.Part(Query.Prefix ?? "")}&ended={(Ended ? "true" : "")}&skip={skip}";
}

/// <summary>The page of one enclave.</summary>
public sealed record EnclaveModel(FleetRow Row, IReadOnlyList<EnclaveLease> Others, DateTimeOffset? LookedAt);

/// <summary>Enclaves that have a lease, a part of them at a time.</summary>
internal sealed class FleetPage(AdministrationServices services)
{
    private const int PageSize = 50;
    private const int MostOthers = 50;

    private readonly EnclaveActs _acts = new(services);

    internal void Map(ConsoleRoutes routes)
    {
        routes.Page<Fleet>("/fleet", LoadAsync);
        routes.Page<Enclave>("/fleet/{lease}", LoadOneAsync);
    }

    private async Task<object> LoadAsync(ConsoleCall call)
    {
        bool ended = call.Query("ended") == "true";
        DateTimeOffset now = services.Time.GetUtcNow();
        LeaseQuery query = new()
        {
            EndingAfter = ended ? null : now, EndingUntil = ended ? now : null, Cluster = call.Filter("cluster"), Kek = call.Filter("kek"), Prefix = call.Filter("begins"),
            Skip = call.Number("skip") ?? 0, Most = PageSize,
        };
        (IReadOnlyList<EnclaveLease> leases, long total) = await _acts.PageAsync(query, call.Aborted);
        return new FleetModel(
            await RowsAsync(leases, call.Aborted), total, query, await services.State.CountLeasesAsync(now, call.Aborted), services.Forecaster.Last?.At, ended);
    }

    private async Task<object> LoadOneAsync(ConsoleCall call)
    {
        EnclaveLease lease = await _acts.FindAsync(call.Route("lease"), call.Aborted);
        (IReadOnlyList<EnclaveLease> others, _) = await _acts.PageAsync(new LeaseQuery { Prefix = lease.Instance, Most = MostOthers }, call.Aborted);
        return new EnclaveModel((await RowsAsync([lease], call.Aborted))[0], [.. others.Where(one => one.Instance == lease.Instance)], services.Forecaster.Last?.At);
    }

    private async Task<IReadOnlyList<FleetRow>> RowsAsync(IReadOnlyList<EnclaveLease> leases, CancellationToken cancellation)
    {
        ReleaseNames names = ReleaseNames.In((await services.State.ListPoliciesAsync(cancellation)).Select(policy => policy.Yaml));
        Dictionary<string, Refusal> refusals = (await services.State.ListRefusalsAsync(cancellation)).ToDictionary(one => one.Instance);
        HashSet<string> shown = [.. leases.Select(lease => lease.Lease)];
        Dictionary<string, EnclaveForecast> outlooks = (services.Forecaster.Last?.Enclaves ?? []).Where(one => shown.Contains(one.Lease)).ToDictionary(one => one.Lease);
        return [.. leases.Select(lease => new FleetRow(lease, names.Of(lease.Measurement), outlooks.GetValueOrDefault(lease.Lease), refusals.GetValueOrDefault(lease.Instance)))];
    }
}
