using System.Globalization;
using Cloister.AdminApi;
using Cloister.Broker.Administration;
using Cloister.Broker.Administration.Acts;
using Cloister.Broker.Administration.Endpoints;
using Cloister.Broker.State.Policies;

namespace Cloister.Broker.WebConsole.Pages;

/// <summary>The page of policies in force.</summary>
public sealed record PoliciesModel(IReadOnlyList<PolicyDocument> Policies, IReadOnlyDictionary<string, int> Keks);

/// <summary>The page of one policy: a version beside another.</summary>
/// <param name="Versions">Every version, oldest first.</param>
/// <param name="Shown">The version that is shown.</param>
/// <param name="Against">What it is compared with; null: nothing, it is the first.</param>
/// <param name="Keks">KEKs it is in charge of.</param>
public sealed record PolicyModel(IReadOnlyList<PolicyDocument> Versions, PolicyDocument Shown, PolicyDocument? Against, IReadOnlyList<string> Keks)
{
    /// <summary>Its name.</summary>
    internal string Name => Shown.Name;
}

/// <summary>What a text would change, before it is put in force.</summary>
/// <param name="Name">The policy.</param>
/// <param name="Before">What is in force; empty: nothing.</param>
/// <param name="After">The text.</param>
/// <param name="Days">Of how many days evidence was judged.</param>
/// <param name="Result">What the text says of it.</param>
/// <param name="Request">The request of another administrator that it is for; null: none.</param>
/// <param name="Matches">Whether the text is that request's.</param>
public sealed record PolicyTryModel(string Name, string Before, string After, int Days, DryRunResult Result, PendingRequest? Request, bool Matches)
{
    /// <summary>SHA-256 of the text, hex.</summary>
    internal string Digest { get; } = PolicyRecord.DigestOf(After);

    /// <summary>Evidence that was accepted and would not be.</summary>
    internal IReadOnlyList<DryRunVerdict> Lost { get; } = [.. Result.Verdicts.Where(one => one.WasAccepted && !one.Accepted)];

    /// <summary>Evidence that was refused and would not be.</summary>
    internal IReadOnlyList<DryRunVerdict> Gained { get; } = [.. Result.Verdicts.Where(one => !one.WasAccepted && one.Accepted)];
}

/// <summary>Policies, their versions, and what a new one would refuse.</summary>
internal sealed class PoliciesPage(AdministrationServices services)
{
    private const int MostDays = 30;

    private readonly PolicyActs _acts = new(services);
    private readonly KekActs _keks = new(services);

    internal void Map(ConsoleRoutes routes)
    {
        routes.Page<Policies>("/policies", LoadAsync);
        routes.Page<PolicyOne>("/policies/{name}", LoadOneAsync);
        routes.Look<PolicyTry>("/policies/{name}/try", TryAsync);
        routes.Act("/policies/{name}/set", async call =>
        {
            string name = call.Route("name");
            Outcome<PolicyDocument> outcome = await _acts.SetAsync(call.By, name, new SetPolicyRequest(call.Field("yaml"), call.Field("approve") is { Length: > 0 } id ? id : null));
            return outcome.Waiting is { } waiting ? $"/approvals/{waiting.Id}?said=waits" : $"/policies/{Text.Part(name)}?said=set";
        });
    }

    private async Task<object> LoadAsync(ConsoleCall call)
    {
        IReadOnlyList<KekSummary> keks = await _keks.ListAsync(null, call.Aborted);
        return new PoliciesModel(await _acts.ListAsync(call.Aborted), keks.GroupBy(kek => kek.Policy).ToDictionary(one => one.Key, one => one.Count()));
    }

    private async Task<object> LoadOneAsync(ConsoleCall call)
    {
        string name = call.Route("name");
        IReadOnlyList<PolicyDocument> versions = await _acts.VersionsAsync(name, call.Aborted);
        PolicyDocument shown = Find(call.Number("version") ?? versions[^1].Version);
        PolicyDocument? against = call.Number("against") is { } number ? Find(number) : versions.LastOrDefault(one => one.Version < shown.Version);
        return new PolicyModel(versions, shown, against, [.. (await _keks.ListAsync(null, call.Aborted)).Where(kek => kek.Policy == name).Select(kek => kek.Name)]);

        PolicyDocument Find(long version) => versions.FirstOrDefault(one => one.Version == version)
            ?? throw new AdministrationException($"policy {name} has no version {version}", AdministrationFailure.NotFound);
    }

    // Changes nothing. For a request, the text is what the other administrator has: a request holds its digest only.
    private async Task<object> TryAsync(ConsoleCall call)
    {
        string name = call.Route("name");
        string yaml = call.Field("yaml");
        int days = int.TryParse(call.Field("days"), NumberStyles.None, CultureInfo.InvariantCulture, out int given) ? Math.Clamp(given, 1, MostDays) : 7;
        PendingRequest? request = call.Field("approve") is { Length: > 0 } id
            ? (await new AccessActs(services).RequestsAsync(call.Aborted)).FirstOrDefault(one => one.Id == id)
                ?? throw new AdministrationException("there is no such request: it was approved, withdrawn, or is older than 24 hours", AdministrationFailure.NotFound)
            : null;
        DateTimeOffset now = services.Time.GetUtcNow();
        DryRunResult result = await _acts.DryRunAsync(call.By, new DryRunRequest(yaml, now.AddDays(-days), now.AddMinutes(1)), call.Aborted);
        string before = (await services.State.FindPolicyAsync(name, call.Aborted))?.Yaml ?? "";
        bool matches = request is null || new RequestParameters(request).Is(name, PolicyRecord.DigestOf(yaml));
        return new PolicyTryModel(name, before, yaml, days, result, request, matches);
    }
}
