using Cloister.AdminApi;
using Cloister.Audit;
using Cloister.Broker.Administration.Acts;
using Cloister.Broker.Administration.Endpoints;
using Cloister.Broker.Administration.Forecasts;
using Cloister.Broker.State.Leases;

namespace Cloister.Broker.WebConsole.Pages;

/// <summary>Something that a person should look at.</summary>
/// <param name="Level">bad: today; warn: soon; good: nothing to do.</param>
/// <param name="Title">What.</param>
/// <param name="Detail">Why, and what to do.</param>
/// <param name="Path">The page for it.</param>
public sealed record Concern(string Level, string Title, string Detail, string Path);

/// <summary>The first page.</summary>
public sealed record OverviewModel(
    IReadOnlyList<Concern> Concerns, long Leases, int Keks, int Policies, int Revocations, long AuditSize, AuditCheckpoint? Checkpoint, IReadOnlyList<string> OnePerson);

/// <summary>What needs a person today.</summary>
internal sealed class OverviewPage(AdministrationServices services)
{
    // A KEK is rotated after so many days, unless somebody knows better.
    private const int RotationDays = 90;
    private const int SoonDays = 7;

    private readonly AccessActs _access = new(services);
    private readonly KekActs _keks = new(services);
    private readonly EnclaveActs _enclaves = new(services);

    internal void Map(ConsoleRoutes routes) => routes.Page<Overview>("/", LoadAsync);

    private async Task<object> LoadAsync(ConsoleCall call)
    {
        CancellationToken cancellation = call.Aborted;
        DateTimeOffset now = services.Time.GetUtcNow();
        IReadOnlyList<KekSummary> keks = await _keks.ListAsync(null, cancellation);
        IReadOnlyList<LeaseCount> counts = await services.State.CountLeasesAsync(now, cancellation);
        long ended = (await services.State.PageLeasesAsync(new LeaseQuery { EndingAfter = now.AddDays(-1), EndingUntil = now, Most = 1 }, cancellation)).Total;
        Concern[] concerns =
        [
            .. Requests(await _access.RequestsAsync(cancellation), call.By.Name, now),
            .. Forecast(services.Forecaster.Last),
            .. Leases(ended, counts),
            .. keks.SelectMany(kek => Keys(kek, now)),
            .. Collateral(services.Forecaster.LastCollateral, now),
            .. Checkpoints(now),
        ];
        return new OverviewModel(
            [.. concerns.OrderBy(one => one.Level == "bad" ? 0 : 1)], counts.Sum(one => one.Count), keks.Count, (await services.State.ListPoliciesAsync(cancellation)).Count,
            (await _enclaves.RevocationsAsync(cancellation)).Count, services.State.Head?.Size ?? 0, await services.State.LastCheckpointAsync(cancellation), services.TwoPersons.Alone);
    }

    private static IEnumerable<Concern> Requests(IReadOnlyList<PendingRequest> requests, string name, DateTimeOffset now) => requests.Select(request =>
        string.Equals(request.By, name, StringComparison.OrdinalIgnoreCase)
            ? new Concern("warn", $"Your request to {request.Act} waits", $"Another administrator has to approve it, until {Text.Moment(request.ExpiresAt)}.", $"/approvals/{request.Id}")
            : new Concern("bad", $"{Text.Plain(request.By)} asks to {request.Act}", $"Made {Text.Away(request.At, now)}, until {Text.Moment(request.ExpiresAt)}. It waits for a second administrator.", $"/approvals/{request.Id}"));

    private static IEnumerable<Concern> Forecast(FleetForecast? seen)
    {
        if (seen is null)
        {
            yield break;
        }

        int refusedNow = seen.Enclaves.Count(one => one.Outlook == Outlooks.RefusedNow);
        if (refusedNow > 0)
        {
            yield return new Concern("bad", $"{Text.Number(refusedNow)} enclaves will be refused at their next renewal", "Policy, collateral or KEK do not go with their evidence any more.", "/forecast");
        }

        if (seen.Failing - refusedNow > 0)
        {
            yield return new Concern("warn", $"{Text.Number(seen.Failing - refusedNow)} enclaves will be refused", $"By early collateral, or within {Forecaster.Days} days. Update their platforms, or fetch collateral.", "/forecast");
        }

        if (seen.Unknown > 0 || seen.Truncated)
        {
            yield return new Concern("warn", $"Of {Text.Number(seen.Unknown)} enclaves nothing can be told", seen.Truncated ? "And there are more than are looked at." : "The broker keeps no evidence of their leases: it will after the next renewal.", "/forecast");
        }
    }

    private static IEnumerable<Concern> Leases(long ended, IReadOnlyList<LeaseCount> counts)
    {
        if (ended > 0)
        {
            yield return new Concern("warn", $"{Text.Number(ended)} leases ended in the last 24 hours", "An enclave that was stopped leaves one. One that should be there lost its KEK.", "/fleet?ended=true");
        }

        if (counts.Sum(one => one.WithOtherRoots) is > 0 and long simulated)
        {
            yield return new Concern("warn", $"{Text.Number(simulated)} leases rest on roots besides the vendors'", "Simulated TEEs may be among them: for development only.", "/fleet");
        }
    }

    private static IEnumerable<Concern> Keys(KekSummary kek, DateTimeOffset now)
    {
        string name = Text.Plain(kek.Name);
        KekVersionSummary? active = kek.Versions.FirstOrDefault(version => version.Active);
        if (active is null && kek.Versions.Any(version => version.State != "destroyed"))
        {
            yield return new Concern("bad", $"KEK {name} takes no writes", "Its newest version is not enabled: enable it, or rotate.", $"/keys/{Text.Part(kek.Name)}");
        }
        else if (active is not null && now - active.ActiveAt > TimeSpan.FromDays(RotationDays))
        {
            yield return new Concern("warn", $"KEK {name} was not rotated for {(now - active.ActiveAt).Days} days", $"Version {active.Version} is older than {RotationDays} days.", $"/keys/{Text.Part(kek.Name)}");
        }

        foreach (KekVersionSummary version in kek.Versions.Where(version => version.State == "destroyScheduled"))
        {
            yield return new Concern(
                "bad", $"KEK {name} version {version.Version} will be destroyed", $"{Text.Moment(version.DestroyAt)}. What was written with it cannot be read then. It can be taken back until then.", $"/keys/{Text.Part(kek.Name)}");
        }
    }

    private static IEnumerable<Concern> Collateral(CollateralStatus? collateral, DateTimeOffset now)
    {
        CollateralEntry[] soon = [.. (collateral?.Items ?? []).Where(item => !item.Early && item.EndsAt < now.AddDays(SoonDays))];
        if (soon.Length > 0)
        {
            yield return new Concern(
                soon[0].EndsAt < now ? "bad" : "warn", $"{soon.Length} parts of collateral end within {SoonDays} days", $"The first is {soon[0].Item} of {soon[0].Model}, {Text.Moment(soon[0].EndsAt)}. Fetch it: cloister collateral fetch.", "/calendar");
        }
    }

    private IEnumerable<Concern> Checkpoints(DateTimeOffset now)
    {
        IReadOnlyList<CheckpointDelivery> all = services.CheckpointDeliveries();
        if (all.Count == 0)
        {
            yield return new Concern("warn", "No checkpoint of the audit log goes outside", "Who writes the database can rewrite the log from before a broker's memory. Set audit.checkpoints or a witness.", "/audit");
        }

        foreach (CheckpointDelivery one in all.Where(one => one.At is null ? one.Failures > 0 : one.Failures > 0 && one.Size < (services.State.Head?.Size ?? 0) && one.At < now.AddMinutes(-10)))
        {
            yield return new Concern("bad", $"Checkpoints do not get to {Text.Plain(one.To)}", one.At is { } at ? $"The last one got there {Text.Away(at, now)}." : "None ever got there.", "/audit");
        }
    }
}
