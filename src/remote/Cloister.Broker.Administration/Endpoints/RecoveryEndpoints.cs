using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Cloister.AdminApi;
using Cloister.Broker.Administration.Acts;
using Cloister.Broker.Administration.Recovery;
using Cloister.Broker.State.Keks;
using Cloister.Contracts.Keys;

namespace Cloister.Broker.Administration.Endpoints;

/// <summary>Recovery shares: out, sealed to their keepers, back, and proved. secrets: shares pass through.</summary>
internal sealed class RecoveryEndpoints(AdministrationServices services)
{
    internal void Map(AdminRoutes routes)
    {
        routes.Post(AdminPaths.Keks + "/{name}/versions/{version:int:min(1)}/export", ExportAsync);
        routes.Post(AdminPaths.AuthorityExport, ExportAuthorityAsync);
        routes.Post(AdminPaths.Restore, async call =>
        {
            RestoreKekRequest request = await call.ReadAsync(AdminJson.Default.RestoreKekRequest);
            string store = services.Acts.StoreOrOnly(request.Store);
            KekRecord Record(string name) => new(name, request.Cluster, store, request.Policy, request.Release, default);
            JsonObject parameters = await services.Recovery.CheckRestoreAsync(call.By, request.Shares, Record, CancellationToken.None);
            await RunAsync(
                call, TwoPersonActs.Restore, parameters, request.Approve, AdminJson.Default.KekSummary,
                async by => KekActs.MessageOf(await services.Recovery.RestoreAsync(by, request.Shares, Record, CancellationToken.None), services));
        });
        routes.Post(AdminPaths.Drill, async call =>
        {
            DrillRequest request = await call.ReadAsync(AdminJson.Default.DrillRequest);
            await call.AnswerAsync(
                AuthorityRecovery.IsFor(request.Shares) ? await DrillAuthorityAsync(call.By, request.Shares) : await DrillKekAsync(call.By, request.Shares),
                AdminJson.Default.DrillResult);
        });
    }

    private async Task<DrillResult> DrillKekAsync(Administrator by, IReadOnlyList<string> shares)
    {
        KekDrill drill = await services.Recovery.DrillAsync(by, shares, CancellationToken.None);
        return new DrillResult(
            drill.Kek is not null, drill.Matches, drill.Kek?.Name ?? "", (int)(drill.Kek?.Version ?? 0),
            drill.Kek is null ? "" : KeyId.Format(drill.Kek.Fingerprint()), "", drill.Problem);
    }

    private async Task<DrillResult> DrillAuthorityAsync(Administrator by, IReadOnlyList<string> shares)
    {
        AuthorityDrill drill = await services.AuthorityRecovery.DrillAsync(by, shares);
        return new DrillResult(drill.Authority.Length > 0, drill.Matches, "", 0, "", drill.Authority, drill.Problem);
    }

    private async Task ExportAuthorityAsync(AdminCall call)
    {
        ExportKekRequest request = await call.ReadAsync(AdminJson.Default.ExportKekRequest);
        ShareKeepers keepers = ShareKeepers.Parse(request.Keepers);
        JsonObject parameters = new() { ["authority"] = services.Authority, ["threshold"] = request.Threshold, ["keepers"] = keepers.Pins() };
        await RunAsync(
            call, TwoPersonActs.Export, parameters, request.Approve, AdminJson.Default.ExportedAuthority,
            async by => new ExportedAuthority(services.Authority, request.Threshold, await services.AuthorityRecovery.ExportAsync(by, request.Threshold, keepers)));
    }

    private async Task ExportAsync(AdminCall call)
    {
        ExportKekRequest request = await call.ReadAsync(AdminJson.Default.ExportKekRequest);
        ShareKeepers keepers = ShareKeepers.Parse(request.Keepers);
        JsonObject parameters = new() { ["kek"] = call.Name, ["version"] = call.Version, ["threshold"] = request.Threshold, ["keepers"] = keepers.Pins() };
        await RunAsync(call, TwoPersonActs.Export, parameters, request.Approve, AdminJson.Default.ExportedKek, async by =>
        {
            (KekIdentity kek, IReadOnlyList<SealedRecoveryShare> shares) = await services.Recovery.ExportAsync(
                by, call.Name, call.Version, request.Threshold, keepers, CancellationToken.None);
            return new ExportedKek(call.Name, call.Version, KeyId.Format(kek.Fingerprint()), request.Threshold, shares);
        });
    }

    private async Task RunAsync<T>(AdminCall call, string act, JsonObject parameters, string? approve, JsonTypeInfo<T> type, Func<Administrator, Task<T>> run)
        where T : class =>
        await call.AnswerAsync(await Outcomes.RunAsync(services.TwoPersons.AskAsync(call.By, act, parameters, approve, CancellationToken.None), run), type);
}
