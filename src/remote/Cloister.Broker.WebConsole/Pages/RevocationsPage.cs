using Cloister.AdminApi;
using Cloister.Broker.Administration.Acts;
using Cloister.Broker.Administration.Endpoints;

namespace Cloister.Broker.WebConsole.Pages;

/// <summary>The page of revocations.</summary>
/// <param name="Entries">A part of those in force.</param>
/// <param name="Total">How many there are.</param>
/// <param name="Skip">How many are passed over.</param>
/// <param name="Kind">What the form proposes to revoke.</param>
/// <param name="Value">Which.</param>
public sealed record RevocationsModel(IReadOnlyList<RevocationEntry> Entries, long Total, long Skip, string Kind, string Value)
{
    internal const int Size = 20;
}

/// <summary>Revocations: made, seen, taken back.</summary>
internal sealed class RevocationsPage(AdministrationServices services)
{
    private readonly EnclaveActs _acts = new(services);

    internal void Map(ConsoleRoutes routes)
    {
        routes.Page<Revocations>("/revocations", async call =>
        {
            IReadOnlyList<RevocationEntry> all = await _acts.RevocationsAsync(call.Aborted);
            long skip = Math.Min(call.Number("skip") ?? 0, all.Count);
            return new RevocationsModel([.. all.Skip((int)skip).Take(RevocationsModel.Size)], all.Count, skip, call.Query("kind"), call.Query("value"));
        });
        routes.Act("/revocations/add", async call =>
        {
            ChangeResult result = await _acts.RevokeAsync(call.By, new RevokeRequest(call.Field("kind"), call.Field("value").Trim(), call.Field("reason").Trim()));
            return $"/revocations?said={(result.Changed ? "revoked" : "unchanged")}";
        });
        routes.Act("/revocations/lift", async call =>
        {
            Outcome<ChangeResult> outcome = await _acts.LiftAsync(call.By, new LiftRequest(call.Field("kind"), call.Field("value")));
            return outcome.Waiting is { } waiting ? $"/approvals/{waiting.Id}?said=waits" : $"/revocations?said={(outcome.Done!.Changed ? "lifted" : "unchanged")}";
        });
    }
}
